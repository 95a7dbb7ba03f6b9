"""Users, agencies (accounts), their client engagements (workspaces) and who works where."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from connections.retention_periods import LEAST_DAYS, MOST_DAYS, USUAL_DAYS
from core.db import clock


class UserFactory(BaseUserManager["User"]):
    """A manager of users whose login is their email address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractUser):
    """A person; signs in with an email address."""

    username = None  # type: ignore[assignment]
    email = models.EmailField("email", unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = UserFactory()  # type: ignore[misc,assignment]

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_once")]

    def __str__(self) -> str:
        return self.email


class Account(models.Model):
    """An agency. What happened in its workspaces is deleted after `retention_days`; its audit never is."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    # Not fewer than 7: a provider may deliver the same event again for two days, and is then recognised by the first.
    retention_days = models.PositiveSmallIntegerField(
        "kept for (days)",
        default=USUAL_DAYS,
        validators=[MinValueValidator(LEAST_DAYS), MaxValueValidator(MOST_DAYS)],
        help_text="Events, runs, API requests and webhook deliveries older than this are deleted.",
    )
    second_factor_required = models.BooleanField(
        default=False, help_text="Members need two-factor authentication to sign in"
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        permissions = [("see_every_account", "Can see the rows of every account")]
        constraints = [
            models.CheckConstraint(
                condition=Q(retention_days__gte=LEAST_DAYS, retention_days__lte=MOST_DAYS),
                name="account_retention_bounded",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Workspace(models.Model):
    """One client engagement of an agency; nothing in one is visible from another."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="workspaces")
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="workspace_name_once")]

    def __str__(self) -> str:
        return self.name

    def take_turns(self) -> None:
        """Lock the workspace until the transaction ends, by writing: other callers for the same workspace wait."""
        Workspace.objects.filter(pk=self.pk).update(created_at=F("created_at"))


class Role(models.TextChoices):
    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"


class Membership(models.Model):
    """One person's role in one account. An account has one owner, never two."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "user"], name="membership_once"),
            models.UniqueConstraint(
                fields=["account"], condition=Q(role="owner"), name="membership_one_owner"
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.account}"
