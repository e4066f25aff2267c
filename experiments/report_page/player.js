"use strict";
// Plays the songs of the page: play, pause, seek by the slider, the roll or the keyboard, and a cursor on the roll.
// Unfolds what is folded before it is printed.

const PIXELS = 16; // that a second of a roll is wide, where there is not room for more

function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function bytes(source) {
  const text = atob(source.slice(source.indexOf(",") + 1));
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0)).buffer;
}

// 16-bit PCM of an AudioBuffer, behind the 44 bytes that say so
function wav(sound) {
  const channels = sound.numberOfChannels, frames = sound.length;
  const data = new DataView(new ArrayBuffer(44 + frames * channels * 2));
  const text = (at, letters) => [...letters].forEach((letter, i) => data.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF"); data.setUint32(4, data.byteLength - 8, true); text(8, "WAVEfmt ");
  data.setUint32(16, 16, true); data.setUint16(20, 1, true); data.setUint16(22, channels, true);
  data.setUint32(24, sound.sampleRate, true); data.setUint32(28, sound.sampleRate * channels * 2, true);
  data.setUint16(32, channels * 2, true); data.setUint16(34, 16, true);
  text(36, "data"); data.setUint32(40, frames * channels * 2, true);
  const sides = Array.from({ length: channels }, (_, channel) => sound.getChannelData(channel));
  let at = 44;
  for (let frame = 0; frame < frames; frame++) {
    for (const side of sides) {
      data.setInt16(at, Math.max(-1, Math.min(1, side[frame])) * 32767, true);
      at += 2;
    }
  }
  return new Blob([data], { type: "audio/wav" });
}

async function download(button, audio, name) {
  button.disabled = true;
  try {
    const context = new OfflineAudioContext(2, 1, 44100);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(wav(await context.decodeAudioData(bytes(audio.src))));
    link.download = `${name}.wav`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  } finally {
    button.disabled = false;
  }
}

function set(player) {
  const part = (name) => player.querySelector(name);
  const seconds = Number(player.dataset.seconds), roll = part(".roll"), time = part(".time"), cursor = part(".cursor");
  if (time) time.style.width = `${Math.ceil(seconds * PIXELS)}px`; // the blind page shows no roll: it would tell
  const audio = part("audio");
  if (!audio) return;
  const play = part(".play"), seek = part(".seek"), shown = part(".clock");

  function show() {
    seek.value = audio.currentTime;
    shown.textContent = `${clock(audio.currentTime)} / ${clock(seconds)}`;
    if (!time) return;
    const x = (audio.currentTime / seconds) * time.clientWidth;
    cursor.style.transform = `translateX(${x}px)`;
    if (!audio.paused && (x < roll.scrollLeft || x > roll.scrollLeft + roll.clientWidth * 0.9)) {
      roll.scrollLeft = x - roll.clientWidth * 0.1;
    }
  }
  function follow() {
    show();
    if (!audio.paused) requestAnimationFrame(follow);
  }
  function go(to) {
    audio.currentTime = Math.max(0, Math.min(seconds, to));
    show();
  }
  play.addEventListener("click", () => (audio.paused ? audio.play() : audio.pause()));
  seek.addEventListener("input", () => go(Number(seek.value)));
  time?.addEventListener("click", (event) => go(((event.clientX - time.getBoundingClientRect().left) / time.clientWidth) * seconds));
  part(".wav")?.addEventListener("click", (event) => download(event.currentTarget, audio, player.dataset.name));
  audio.addEventListener("play", () => {
    document.querySelectorAll("audio").forEach((other) => other !== audio && other.pause());
    play.textContent = "Pause";
    follow();
  });
  for (const name of ["pause", "ended"]) audio.addEventListener(name, () => { play.textContent = "Play"; show(); });
  audio.addEventListener("seeked", show);
  show();
}

document.querySelectorAll(".player").forEach(set);

// Paper cannot be unfolded
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  folded.forEach((details) => { details.open = true; });
});
addEventListener("afterprint", () => folded.forEach((details) => { details.open = false; }));
