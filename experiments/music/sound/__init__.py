"""A song as sound, with numpy alone or a SoundFont."""
