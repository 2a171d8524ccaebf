"""More to train CLVAP on: captions, variants and imitations of the folder's sounds, closed by default."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import gradio as gr

from app.services.jobs import Job
from app.ui import cards

_WHAT = {"caption": "new captions", "augment": "variants and imitations"}


class MoreFields:
    """The fields, two buttons, and how far each is."""

    def __init__(self) -> None:
        with gr.Accordion("More data", open=False, elem_classes="fold", elem_id="more-data"):
            with gr.Row(elem_classes="more-row"):
                self.captions = gr.Number(3, label="Captions a sound", precision=0, minimum=1, elem_id="more-captions")
                self.write = gr.Button("Write", scale=0, min_width=84)
            with gr.Row(elem_classes="more-row"):
                self.variants = gr.Number(2, label="Variants", precision=0, minimum=0, elem_id="more-variants")
                self.imitations = gr.Number(0, label="Imitations", precision=0, minimum=0, elem_id="more-imitations")
                self.render = gr.Button("Render", scale=0, min_width=84)
            self.state = cards.area(elem_classes="more-state")


def state(jobs: Sequence[Job]) -> str:
    """What is being made, what is there already, what went wrong."""
    return "".join(map(_line, jobs))


def _line(job: Job) -> str:
    if job.running:
        stop = f'<button class="quiet" data-act="{job.kind}">Stop</button>'
        return f'<div class="progress" role="status"><span>{escape(_WHAT[job.kind])}</span>{cards.bar(job.fraction or 0.0)}{stop}</div>'
    if job.status == "failed":
        return cards.message(job.message)
    if job.status == "done":
        return f'<p class="hint">{job.result.get("made", 0):,} {escape(_WHAT[job.kind])}: trained on from the next start.</p>'
    return f'<p class="hint">{escape(_WHAT[job.kind]).capitalize()}: stopped; the button goes on from there.</p>'
