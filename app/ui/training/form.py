"""The form of a new run: folder, recipe, and the few numbers that matter."""

from __future__ import annotations

import gradio as gr

from app.services.errors import RequestError
from app.services.training import Pack, Template, Training, Wish
from app.services.training.recipes import Kind
from app.ui import cards

_MINUTES, _MINUTES_AT_FIRST = "Minutes", 10


class RunForm:
    """The fields. `components` are inputs of a handler, `wish` reads their values."""

    def __init__(self, training: Training, kind: Kind, type_paths: bool) -> None:
        self._kind, self._templates = kind, {template.name: template for template in training.templates(kind)}
        first = next(iter(self._templates.values()))
        label = "Sounds: a folder of the library, or type one" if type_paths else "Sounds: a folder of the library"
        self.folder = gr.Dropdown([], value=None, label=label, allow_custom_value=type_paths, elem_id=f"{kind}-folder")
        self.about = cards.area(elem_classes="pack-about")
        self._type_paths = type_paths
        self._fill(first)

    def _fill(self, first: Template) -> None:
        kind = self._kind
        choices = [(template.about, template.name) for template in self._templates.values()]
        self.recipe = gr.Radio(choices, value=first.name, label="Recipe", elem_classes="recipes", elem_id=f"{kind}-recipe")
        with gr.Row(elem_classes="pair"):
            self.start = gr.Dropdown([first.start], value=first.start, label="From", allow_custom_value=self._type_paths, elem_id=f"{kind}-start")
            with gr.Column(elem_classes="how-long", min_width=0):
                self.unit = gr.Radio(_units(first), value=_own(first), label="For how long", show_label=False, elem_classes="segments", elem_id=f"{kind}-unit")
                self.length = gr.Number(first.length, label=_own(first), show_label=False, minimum=0, elem_id=f"{kind}-length")
        with gr.Row(elem_classes="pair", visible=first.rank is not None) as self.lora:
            self.rank = gr.Number(first.rank or 16, label="LoRA rank", precision=0, minimum=1, elem_id=f"{kind}-rank")
            self.strength = gr.Number(first.strength or 1, label="LoRA strength", minimum=0, elem_id=f"{kind}-strength")
        self.demos = gr.Textbox(
            label="Heard while it trains, a line each", lines=2, max_lines=4, visible=kind == "finetune", placeholder="Captions of the folder",
            elem_id=f"{kind}-demos",
        )  # fmt: skip

    @property
    def components(self) -> list[gr.components.Component]:
        return [self.recipe, self.start, self.length, self.unit, self.rank, self.strength, self.demos]

    @property
    def chosen_by_recipe(self) -> list[gr.blocks.Block]:
        """What another recipe changes."""
        return [self.start, self.unit, self.length, self.lora, self.rank, self.strength]

    def follow(self, recipe: str, unit: str) -> tuple:
        """Updates of `chosen_by_recipe` to a recipe's own values; minutes stay minutes."""
        chosen = self._templates[recipe]
        timed = unit == _MINUTES
        return (
            gr.update(value=chosen.start), gr.update(choices=_units(chosen), value=_MINUTES if timed else _own(chosen)),
            gr.skip() if timed else gr.update(value=chosen.length, label=_own(chosen)),
            gr.update(visible=chosen.rank is not None), chosen.rank or gr.skip(), chosen.strength or gr.skip(),
        )  # fmt: skip

    def measure_in(self, recipe: str, unit: str) -> dict:
        """Update of the length to another unit."""
        return gr.update(value=_MINUTES_AT_FIRST if unit == _MINUTES else self._templates[recipe].length, label=unit)

    @staticmethod
    def suggested(pack: Pack) -> str:
        """Prompts to hear, from the folder's captions."""
        return "\n".join(pack.examples())

    def wish(self, pack: str | None, recipe: str, start: str, length, unit: str, rank, strength, demos: str | None) -> Wish:
        """What is filled in. Raises RequestError where no folder was chosen."""
        if pack is None:
            raise RequestError("Choose a folder of sounds first.")
        prompts = tuple(line.strip() for line in (demos or "").splitlines() if line.strip())
        length, minutes = (None, length or 0) if unit == _MINUTES else (length, None)
        return Wish(self._kind, pack, recipe, start or None, length, rank, strength, prompts or None, minutes)


def _own(template: Template) -> str:
    """The unit of a recipe's own length."""
    return template.unit.capitalize()


def _units(template: Template) -> list[str]:
    return [_own(template), _MINUTES]
