"""The command that goes on with a search: a line to be copied and run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.files import place
from experiments.run_folder import Run, resume_command

if TYPE_CHECKING:
    from experiments.search.one_head import HeadPlan

__all__ = ["going_on"]


def going_on(run: Run, plan: HeadPlan) -> str:
    """What goes on with a head's search, and with those of the run's other heads where one line can.

    It cannot where they have another space or storage: what is given again holds for all heads that it goes on with.
    """
    options = plan.options
    own = (options.space, options.storage and place(options.storage))
    alike = all((noted.get("space"), noted.get("storage")) == own for noted in run.facts["heads"].values())
    return resume_command(
        run.path,
        head=None if alike else plan.spec.name,
        space=options.space,
        storage=options.storage,
        address=options.address,
    )
