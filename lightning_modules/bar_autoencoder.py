"""A variational auto-encoder of bars: a bar as a point, and points between two bars as bars.

As MusicVAE (Roberts et al. 2018, https://arxiv.org/abs/1803.05428) of short sequences: an LSTM reads a bar's events
into a Gaussian, and another, which begins from a point and hears it at every step, writes events until the bar ends. An
event is its place, then its chord pitch by pitch, then its duration and its loudness, each given what was said before.
"""

from __future__ import annotations

from typing import NamedTuple

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lightning_modules.outputs.output import PITCHES, Batch
from lightning_modules.outputs.spelling import FactoredOutput
from lightning_modules.sampling import sample

__all__ = ["BarAutoencoder", "Bars", "DrawnEvent", "between_points"]

UNHEARD = 0.3  # share of the events that the decoder does not hear in training, so that it asks the point
WARM = 0.3  # share of the training in which the price of the code rises to its full height


class Bars(NamedTuple):
    """N bars of at most K events; what lies beyond a bar's events is ignored."""

    place: Tensor  # int64 (N, K): number of its place in the bar
    chord: Tensor  # float32 (N, K, 128)
    duration: Tensor  # int64 (N, K)
    velocity: Tensor  # int64 (N, K)
    events: Tensor  # int64 (N,): how many it has

    def rows(self, chosen: Tensor) -> Bars:
        """Some of the bars, by a mask or their numbers."""
        return Bars(*(column[chosen] for column in self))


class DrawnEvent(NamedTuple):
    """An event of a decoded bar: numbers of its place, duration and loudness, and its pitches low to high."""

    place: int
    chord: tuple[int, ...]
    duration: int
    velocity: int


class BarAutoencoder(pl.LightningModule):
    """The auto-encoder.

    Args:
        places, durations, velocities: how many there are of each.
        hidden: nodes of each LSTM.
        latent: numbers of a point.
        beta: the price of a nat of the code, beside one of the bar (Higgins et al. 2017).
        rate: of learning, at its highest.
        updates: that it is to train.
    """

    def __init__(
        self,
        places: int,
        durations: int,
        velocities: int,
        *,
        hidden: int = 128,
        latent: int = 48,
        beta: float = 0.1,
        rate: float = 3e-3,
        updates: int,
    ) -> None:
        super().__init__()
        self.end, self.beta, self.rate, self.updates = places, beta, rate, updates
        self.places = nn.Embedding(places + 1, hidden)  # and what ends a bar, which begins it too
        self.chords = nn.Linear(PITCHES, hidden, bias=False)
        self.durations = nn.Embedding(durations, hidden)
        self.velocities = nn.Embedding(velocities, hidden)
        self.reader = nn.LSTM(hidden, hidden, batch_first=True)
        self.gaussian = nn.Linear(hidden, 2 * latent)
        self.begin = nn.Linear(latent, 2 * hidden)
        self.writer = nn.LSTM(hidden + latent, hidden, batch_first=True)
        self.place = nn.Linear(hidden, places + 1)
        self.chord = FactoredOutput(hidden)
        self.duration = nn.Linear(hidden, durations)
        self.velocity = nn.Linear(hidden, velocities)

    def encode(self, bars: Bars) -> tuple[Tensor, Tensor]:
        """The mean and the standard deviation of each bar's Gaussian, both (N, latent)."""
        read, _ = self.reader(self._heard(bars))
        last = read[torch.arange(len(bars.events)), bars.events]
        mean, spread = self.gaussian(last).chunk(2, dim=1)
        return mean, spread.clamp(-8, 4).exp()

    def nats(self, bars: Bars, point: Tensor, unheard: float = 0.0) -> Tensor:
        """-ln of the probability of each bar given its point, (N,)."""
        heard = self._heard(bars)
        if unheard:
            heard = heard * (torch.rand(heard.shape[:2], device=heard.device) >= unheard)[:, :, None]
        hears = torch.cat([heard, point[:, None].expand(-1, heard.shape[1], -1)], dim=2)
        states, _ = self.writer(hears, self._begun(point))  # (N, K + 1, hidden)
        step = torch.arange(states.shape[1], device=states.device)
        target = nn.functional.pad(bars.place, (0, 1), value=self.end)
        target = target.where(step < bars.events[:, None], self.end)
        told = step <= bars.events[:, None]
        row, at = told.nonzero(as_tuple=True)
        nats: Tensor = states.new_zeros(len(states))
        nats = nats.index_add(0, row, cross_entropy(self.place(states[row, at]), target[row, at], reduction="none"))
        row, at = (step[:-1] < bars.events[:, None]).nonzero(as_tuple=True)
        state = states[row, at] + self.places(bars.place[row, at])
        chord = bars.chord[row, at]
        own = self.chord.losses(state, {"pitches": chord > 0})
        state = state + self.chords(chord)
        own = own + cross_entropy(self.duration(state.relu()), bars.duration[row, at], reduction="none")
        state = state + self.durations(bars.duration[row, at])
        own = own + cross_entropy(self.velocity(state.relu()), bars.velocity[row, at], reduction="none")
        whole: Tensor = nats.index_add(0, row, own)
        return whole

    @torch.inference_mode()
    def decode(
        self,
        points: Tensor,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> list[list[DrawnEvent]]:
        """The bars that are written from points (N, latent), one after another; at a temperature of 0 the likeliest."""
        return [self._written(point[None], temperature, top_p, generator) for point in points]

    def _written(
        self, point: Tensor, temperature: float, top_p: float, generator: torch.Generator | None
    ) -> list[DrawnEvent]:
        said: list[DrawnEvent] = []
        memory, before = self._begun(point), self.places(torch.tensor([self.end]))
        while True:
            states, memory = self.writer(torch.cat([before, point], dim=1)[:, None], memory)
            state, last = states[:, 0], said[-1].place if said else -1
            logits = self.place(state)
            logits[:, : last + 1] = -torch.inf  # events stand in order
            place = sample(logits, temperature, top_p, generator)
            if int(place) == self.end:
                return said
            state = state + self.places(place)
            (pitches,) = self.chord.draw(state, {}, temperature, top_p, generator)
            assert isinstance(pitches, tuple)
            chord = torch.zeros(1, PITCHES)
            chord[0, list(pitches)] = 1.0
            state = state + self.chords(chord)
            duration = sample(self.duration(state.relu()), temperature, top_p, generator)
            state = state + self.durations(duration)
            velocity = sample(self.velocity(state.relu()), temperature, top_p, generator)
            said.append(DrawnEvent(int(place), pitches, int(duration), int(velocity)))
            before = self.places(place) + self.chords(chord) + self.durations(duration) + self.velocities(velocity)

    def _heard(self, bars: Bars) -> Tensor:
        """What is read: the beginning, then the events, (N, K + 1, hidden)."""
        events = self.places(bars.place) + self.chords(bars.chord)
        events = events + self.durations(bars.duration) + self.velocities(bars.velocity)
        begin = self.places.weight[self.end].expand(len(events), 1, -1)
        return torch.cat([begin, events], dim=1)

    def _begun(self, point: Tensor) -> tuple[Tensor, Tensor]:
        output, cell = self.begin(point).tanh()[None].chunk(2, dim=2)
        return output.contiguous(), cell.contiguous()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=self.rate)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        bars = Bars(**batch)
        mean, spread = self.encode(bars)
        point = mean + spread * torch.randn_like(spread)
        code = (0.5 * (mean**2 + spread**2 - 1) - spread.log()).sum(dim=1)
        share = self.global_step / max(self.updates, 1)
        price = self.beta * min(share / WARM, 1.0)
        for group in self.trainer.optimizers[0].param_groups:  # it falls to zero along a line
            group["lr"] = self.rate * (1 - share)
        loss: Tensor = (self.nats(bars, point, UNHEARD) + price * code).mean()
        return loss


def between_points(first: Tensor, second: Tensor, mix: float) -> Tensor:
    """Points on the great circle from the first to the second, their lengths in between; (N, latent) each.

    The Gaussian's points lie near a sphere, and a straight line between two of them would leave it (White 2016,
    https://arxiv.org/abs/1609.04468).
    """
    if mix in (0.0, 1.0):
        return second if mix else first
    one, other = (x / x.norm(dim=1, keepdim=True).clamp(min=1e-9) for x in (first, second))
    angle = (one * other).sum(dim=1, keepdim=True).clamp(-1, 1).acos()
    sine = angle.sin()
    turned = (((1 - mix) * angle).sin() * one + (mix * angle).sin() * other) / sine.clamp(min=1e-6)
    straight = torch.lerp(one, other, mix)
    length = torch.lerp(first.norm(dim=1, keepdim=True), second.norm(dim=1, keepdim=True), mix)
    return torch.where(sine > 1e-4, turned, straight) * length
