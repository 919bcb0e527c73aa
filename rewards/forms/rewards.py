"""The form of a reward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Q
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from discounts.models import Offer
from rewards.actions.pictures import MAX_BYTES
from rewards.actions.rewards import DESCRIPTION, MAX_DAYS, NAME, RewardTerms, says_now
from rewards.forms.fields import UnitsField
from rewards.models import Program, Reward, Tier

_l = gettext_lazy
_NUMERIC = {"inputmode": "numeric", "autocomplete": "off"}


if TYPE_CHECKING:
    ProgramChoiceField = forms.ModelChoiceField[Program]
    TierChoiceField = forms.ModelChoiceField[Tier]
    Upload = UploadedFile[bytes]
else:
    ProgramChoiceField = TierChoiceField = forms.ModelChoiceField
    Upload = UploadedFile


def _moment() -> forms.DateTimeInput:
    return forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class ProgramChoice(ProgramChoiceField):
    """Programs by their names and units."""

    def label_from_instance(self, obj: Program) -> str:
        """The name, and what its units are called where that says more."""
        return f"{obj} ({obj.unit_plural})"


class TierChoice(TierChoiceField):
    """Steps by their names, with the program where there are several."""

    def label_from_instance(self, obj: Tier) -> str:
        """The name after the program's."""
        return f"{obj.program} · {obj}"


class RewardForm(forms.Form):
    """RW-6: what units buy, how many there are, for whom and when."""

    program = ProgramChoice(
        label=_l("Program"),
        queryset=Program.objects.all(),
        empty_label=_l("Choose a program"),
        error_messages={"required": _l("Choose the program whose units buy it.")},
    )
    name = forms.CharField(label=_l("Name"), max_length=NAME)
    description = forms.CharField(
        label=_l("Description"),
        required=False,
        max_length=DESCRIPTION,
        help_text=_l("The customer sees it."),
    )
    cost = UnitsField(
        signed=False,
        label=_l("Cost"),
        help_text=_l("In units of the program."),
        error_messages={"required": _l("Enter a whole number such as 500.")},
    )
    kind = forms.ChoiceField(label=_l("The customer gets"), choices=Reward.Kind.choices)
    offer = forms.ModelChoiceField(
        label=_l("Codes are made from the offer"),
        queryset=Offer.objects.none(),
        required=False,
        empty_label=_l("No offer"),
        help_text=_l("For a discount code."),
    )
    valid_days = forms.IntegerField(
        label=_l("Days it can be used"),
        required=False,
        min_value=1,
        max_value=MAX_DAYS,
        help_text=_l("Empty: for ever; a code as long as its offer says."),
        widget=forms.TextInput(attrs=_NUMERIC),
    )
    stock = UnitsField(
        signed=False,
        label=_l("Stock"),
        required=False,
        help_text=_l("How many there are in all. Empty: as many as are wanted."),
    )
    per_customer = UnitsField(
        signed=False,
        label=_l("For each customer"),
        required=False,
        help_text=_l("How many one can have. Empty: without limit."),
    )
    minimum_tier = TierChoice(
        label=_l("Only for"),
        queryset=Tier.objects.none(),
        required=False,
        empty_label=_l("Every member"),
        help_text=_l("This tier and those above."),
    )
    starts_at = forms.DateTimeField(label=_l("From"), required=False, widget=_moment())
    ends_at = forms.DateTimeField(label=_l("Until"), required=False, widget=_moment())
    picture = forms.FileField(
        label=_l("Picture"),
        required=False,
        help_text=_l("PNG, JPEG or WebP, at most 1 MB."),
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp"}),
    )
    remove_picture = forms.BooleanField(label=_l("Take the picture away"), required=False)
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        files: Any = None,
        *,
        reward: Reward | None,
        program: str = "",
    ) -> None:
        """`reward` is the one that is to be changed; `program` the id to begin with."""
        initial: dict[str, Any] = {"program": program}
        if reward:
            initial = {name: getattr(reward, name) for name in RewardTerms.__dataclass_fields__}
            initial |= {"offer": reward.offer_id, "minimum_tier": reward.minimum_tier_id}
            initial["seen"] = says_now(reward)
        super().__init__(data, files, initial=initial, auto_id="reward_%s")
        kept_offer = reward.offer_id if reward else None
        kept_tier = reward.minimum_tier_id if reward else None
        tiers = Tier.objects.select_related("program").filter(Q(is_active=True) | Q(pk=kept_tier))
        if reward:
            del self.fields["program"]
            tiers = tiers.filter(program=reward.program_id)
        if not getattr(reward, "digest", None):
            del self.fields["remove_picture"]
        self._offer("offer", Offer.objects.filter(Q(is_active=True) | Q(pk=kept_offer)))
        self._offer("minimum_tier", tiers)

    def clean_picture(self) -> Upload | None:
        """Refuse what is too large before it is read."""
        upload: Upload | None = self.cleaned_data["picture"]
        if upload and upload.size and upload.size > MAX_BYTES:
            size = {"size": filesizeformat(upload.size)}
            raise ValidationError(
                _("This file has %(size)s; at most 1 MB can be taken. Make it smaller."),
                params=size,
            )
        return upload

    def terms(self) -> RewardTerms | None:
        """What was typed, as the action takes it; None while something is missing or wrong."""
        if not self.is_valid():
            return None
        values = dict(self.cleaned_data)
        for name in ("offer", "minimum_tier"):
            chosen = values.pop(name)
            values[f"{name}_id"] = chosen.pk if chosen else None
        return RewardTerms(**{name: values[name] for name in RewardTerms.__dataclass_fields__})

    def picture_sent(self) -> bytes | None:
        """The file that came with the form, once it is valid."""
        upload: Upload | None = self.cleaned_data["picture"]
        return upload.read() if upload else None

    def _offer(self, name: str, rows: Any) -> None:
        field: Any = self.fields[name]
        field.queryset = rows
