"""What a new song between two songs is made of: heads, or bars, that stand part of the way from one to the other.

- predictions: the heads of each song, their predictions mixed;
- embedding: heads of both songs, which know by a learned vector in which they are, given a vector in between;
- autoencoder: the bars of both as points of a variational auto-encoder, and points in between as new bars.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from datamodules.errors import UserError
from datamodules.song import FASTEST, SLOWEST
from experiments.music.between.autoencoder import BarLearning, bar_autoencoder, composed
from experiments.music.between.learning import Learning, embedding_heads, source_heads
from experiments.music.between.mix import AUTOENCODER, EMBEDDING, Mix
from experiments.music.between.pair import NAMES, Pair
from experiments.music.events.generation import Compose
from experiments.music.events.settings import Settings
from experiments.music.origin import HEX
from experiments.music.prime import Prime
from experiments.music.training_songs import TrainingSongs, training_songs
from experiments.winners import Winner
from lightning_modules.blending import blended
from lightning_modules.head import Head
from lightning_modules.song_embedding import stand

__all__ = ["Between", "between"]

LEARNING, BARS = Learning(), BarLearning()


@dataclass(frozen=True)
class Between:
    """What writes between two songs.

    Attributes:
        pair: the songs.
        mix: how far between.
        winners: by head; what the heads know.
        networks: by head, the network that speaks; the winner's own where there is none.
        compose: what writes in the heads' place; None for the heads.
        told: what it learnt from, in words.
        nearer: 0 or 1, the song that the new one goes on from, and has form and instruments of; the first half-way.
    """

    pair: Pair
    mix: Mix
    winners: Mapping[str, Winner]
    networks: Mapping[str, Head]
    compose: Compose | None
    nearer: int
    told: str = ""

    @property
    def prime(self) -> Prime:
        """The nearer song's opening."""
        return self.pair.sources[self.nearer].prime(max(winner.config.window for winner in self.winners.values()))

    @property
    def tempo(self) -> float:
        """Quarter notes a minute that a player takes, in between as the mix has it: half-way, both are as far off."""
        share = self.mix.middle(list(self.winners))
        first, second = (source.prime(self.prime.context).tempo for source in self.pair.sources)
        return min(max(float(first ** (1 - share) * second**share), SLOWEST), FASTEST)

    def beside(self, training: TrainingSongs) -> TrainingSongs:
        """The songs that a new one is compared with: the two, whole, beside what the run's winners learnt from."""
        own = [(source.song, source.events) for source in self.pair.sources]
        known = {song.digest for song, _ in own}
        learnt = training.learnt or [len(events) for _, events in training.songs]
        others = [pair for pair in zip(training.songs, learnt, strict=True) if pair[0][0].digest not in known]
        found = TrainingSongs(
            songs=(*own, *(whole for whole, _ in others)),
            wanted=0,
            complete=training.complete,
            learnt=(*(len(events) for _, events in own), *(count for _, count in others)),
            beside=tuple(whole for whole in training.beside if whole[0].digest not in known),
        )
        return replace(found, wanted=found.found + training.wanted - training.found)

    def playing(self) -> TrainingSongs:
        """The song whose parts and instruments the new one has."""
        source = self.pair.sources[self.nearer]
        return TrainingSongs(((source.song, source.events),), 1)

    def origin(self) -> tuple[str, ...]:
        """Lines that hold no path, for the new song's file."""
        songs = " and ".join(
            f"{source.path.name} with SHA-256 {source.song.digest[:HEX]}" for source in self.pair.sources
        )
        return (f"between {songs}: {self.mix.describe()}",)

    def describe(self) -> tuple[str, ...]:
        """What is made, and of what, for people."""
        heads = ", ".join(f"{name} {self.mix.of(name):g}" for name in self.winners)
        shares = f"mix: {self.mix.describe()}" + (f" ({heads})" if self.mix.heads else "")
        return (*self.pair.told, f"{shares}; {self.told or f'goes on from {NAMES[self.nearer]}'}")


def between(
    winners: Mapping[str, Winner],
    pair: Pair,
    mix: Mix,
    settings: Settings,
    *,
    learning: Learning | None = None,
    bars: BarLearning | None = None,
) -> Between:
    """Train what the way needs, or take what was trained before.

    Args:
        winners: of a run, by head.
        settings: how the auto-encoder draws: as the notes head would.
        learning, bars: how heads, and the auto-encoder, are trained; None for the default.

    Raises:
        UserError: a mix of a head that is not there.
    """
    for head in mix.heads:
        if head not in winners:
            raise UserError(f"--mix-{head}: there is no {head} head to mix; name one, as --{head} RUN")
    nearer = int(mix.middle(list(winners)) > 0.5)
    if mix.way == AUTOENCODER:
        pair = pair.in_one_metre()
        encoded = bar_autoencoder(pair, training_songs(winners.values()), bars or BARS)
        bars_of = " and ".join(f"{len(means)} bars of {name}" for means, name in zip(encoded.means, NAMES, strict=True))
        told = f"it learnt from {bars_of}, and {encoded.others} of the run's training songs"
        return Between(pair, mix, winners, {}, composed(encoded, mix.whole, settings.drawn("notes")), nearer, told)
    if mix.way == EMBEDDING:
        found, networks = embedding_heads(winners, pair, learning or LEARNING)
        for name, network in networks.items():
            stand(network, mix.of(name))
    else:
        first, second = source_heads(winners, pair, learning or LEARNING)
        found = {name: _beside(first[name], second[name], mix.of(name)) for name in winners}
        networks = {name: blended(first[name].head(), second[name].head(), mix.of(name)) for name in winners}
    return Between(pair, mix, found, networks, None, nearer)


def _beside(first: Winner, second: Winner, share: float) -> Winner:
    """The nearer of two heads, with a share of the base distribution in between."""
    nearer = second if share > 0.5 else first
    figures = {**nearer.facts["figures"], "mixture": (1 - share) * first.mixture + share * second.mixture}
    return replace(nearer, facts={**nearer.facts, "figures": figures})
