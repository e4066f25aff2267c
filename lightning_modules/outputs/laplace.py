"""Numbers by regression: the first version's timing."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lightning_modules.outputs.figures import chunks, nats_figures, point_figures, settled
from lightning_modules.outputs.output import Batch, Score, Value
from lightning_modules.outputs.ticks import Ticks
from lightning_modules.sampling import check_sampling
from lightning_modules.scoring import LEAST_SCALE, laplace_masses, median_tick

__all__ = ["LaplaceOutput"]


class LaplaceOutput(nn.Module):
    """An L1 regression (of timing in quarter notes), scored as a Laplace on the grid mixed with the training histogram.

    Figures: valid, macro_nats, mixture, mae, accuracy as for the grid, and scale (ticks).
    """

    histogram: Tensor
    scale: Tensor

    def __init__(self, hidden: int, ticks: Ticks) -> None:
        super().__init__()
        self.layer = nn.Linear(hidden, 1)
        self.ticks = ticks
        self.register_buffer("histogram", ticks.histogram, persistent=False)
        # mean absolute training error in ticks: part of what was learned, so a winner has it
        self.register_buffer("scale", torch.tensor(ticks.span, dtype=torch.float64))
        if not self.layer.bias.is_meta:
            # start from the best constant: L1 moves a bias by no more than a step an update
            middle = median_tick(ticks.histogram[None], ticks.lowest).item() / ticks.span
            nn.init.constant_(self.layer.bias, middle)

    def forward(self, state: Tensor) -> Tensor:
        spans: Tensor = self.layer(state).squeeze(-1)  # (batch,)
        return spans

    def losses(self, state: Tensor, batch: Batch) -> Tensor:
        losses: Tensor = (self(state) - batch["value"] / self.ticks.span).abs()
        return losses

    def end_epoch(self, loss: Tensor) -> None:
        self.scale.copy_((loss.double() * self.ticks.span).clamp(min=LEAST_SCALE))

    def keep(self, state: Tensor, batch: Batch) -> Batch:
        centre = self(state).double() * self.ticks.span
        column = batch["value"][:, None] - self.ticks.lowest
        model = [
            self.masses(centre[rows]).gather(1, column[rows]).squeeze(1).log()
            for rows in chunks(len(centre), len(self.histogram))
        ]
        return {
            "model": torch.cat(model),
            "centre": centre,
            **{name: batch[name] for name in ("base", "value", "true")},
        }

    def masses(self, centre: Tensor) -> Tensor:
        """(n,) in ticks -> the Laplace over all ticks of the range, float64 (n, ticks)."""
        scale = max(float(self.scale), LEAST_SCALE)
        return laplace_masses(centre, scale, self.ticks.lowest, self.ticks.highest)

    def settle(self, kept: Batch, mixture: float) -> Batch:
        return settled(kept, "centre", self.masses, self.histogram, mixture, self.ticks)

    def score(self, kept: Batch, mixture: float) -> Score:
        figures, nats = nats_figures(kept["model"], kept["base"], kept["value"], mixture)
        return Score(figures | point_figures(kept) | {"scale": float(self.scale)}, nats.cpu(), kept["error"].cpu())

    def draw(
        self, state: Tensor, batch: Batch, temperature: float, top_p: float, generator: torch.Generator | None
    ) -> list[Value]:
        """The predictions on the grid; a regression has nothing to draw, so the three options change nothing."""
        check_sampling(temperature, top_p)
        ticks = (self(state).double() * self.ticks.span).round().clamp(self.ticks.lowest, self.ticks.highest)
        values: list[Value] = ticks.long().tolist()
        return values
