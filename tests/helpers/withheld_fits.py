"""Fits that saw fewer known categories, added to the tables of a run made of numbers."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from mimbench.evaluation.planning.known_subsets import Withheld
from mimbench.scores.tables import RunTables

Loss = Callable[[Withheld, pd.DataFrame], np.ndarray]


def add_withheld(
    tables: RunTables, detector: str, sets: Sequence[Withheld], loss: Loss
) -> RunTables:
    """For each main fit of a detector one per set, whose clean scores are lower by `loss`.

    `loss` gets the set and the scored images, and returns one number for each of them.
    """
    main = tables.fits[tables.main_fits & (tables.fits["detector"] == detector)]
    clean = tables.scores[tables.scores["corruption"] == "clean"]
    fits, scores = [tables.fits], [tables.scores]
    for number, less in enumerate(sets):
        name = f"without-{number}-"
        studies = "+".join(less.studies)
        made = main.assign(withheld="+".join(less.categories), study=studies)
        fits.append(made.assign(fit_id=name + main["fit_id"]))
        own = clean[clean["fit_id"].isin(main["fit_id"])]
        images = tables.images.set_index("image_id").loc[own["image_id"]]
        value = own["value"].to_numpy() - np.asarray(loss(less, images))
        scores.append(own.assign(fit_id=name + own["fit_id"], value=value))
    return RunTables(
        pd.concat(scores, ignore_index=True), pd.concat(fits, ignore_index=True), tables.images
    )
