"""Days that people choose: in the reader's zone, and such as exist in every zone."""

from datetime import date, datetime, time

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils import timezone


class Day(forms.DateField):
    """A form's day whose midnight exists in every zone."""

    widget = forms.DateInput(attrs={"type": "date"})
    default_validators = [MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2999, 12, 31))]


def midnight(day: date) -> datetime:
    """The moment at which `day` begins in the reader's time zone."""
    return timezone.make_aware(datetime.combine(day, time.min))
