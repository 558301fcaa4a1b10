"""Model cards: what a run says of one of its rows, for those who get the model."""

import shlex

from mimbench.report.model_card import about, images, numbers
from mimbench.report.model_card.card import Block, CardSection, CardTable, Code, ModelCard
from mimbench.report.model_card.subject import chosen_subject
from mimbench.runfolder.reading import RunFolder

__all__ = ["Block", "CardSection", "CardTable", "Code", "ModelCard", "model_card"]


def model_card(run: RunFolder, row: str = "") -> ModelCard:
    """The model card of one row of a run.

    Every judgement in it is a verdict by the rules of `mimbench verify`.

    Args:
        run: of `mimbench.runfolder.reading.read_run`, or `folder` of an opened run.
        row: name of a score; empty: the highest headline score of a detector, and the card says
            that it was chosen so.

    Returns:
        The card; `markdown()` and `html()` write it, `with_sections` adds sections to it.

    Raises:
        UnknownNameError: the run has no such row.
        TableError: the run has no row of a detector.

    Source: Mitchell et al. 2019, Model Cards for Model Reporting, doi:10.1145/3287560.3287596.
    """
    subject = chosen_subject(run, row)
    command = [*map(shlex.quote, ("mimbench", "card", "DIR", "--row", subject.row))]
    return ModelCard(
        f"Model card: {subject.row}",
        subject.row,
        about.summary(subject),
        (
            about.details(subject),
            about.intended_use(subject),
            about.out_of_scope(subject),
            images.training_data(subject),
            images.evaluation_data(subject),
            about.verdicts(subject),
            numbers.metrics(subject),
            numbers.skin_tone(subject),
            numbers.corruption(subject),
            numbers.controls(subject),
            numbers.class_signal(subject),
            about.caveats(subject),
            images.licences(subject),
            about.reproduction(subject, command),
        ),
    )
