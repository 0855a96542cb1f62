"""What a request agreed to, as plain data that the ledger enforces: phases, forming, stopping, pay."""

from typing import Annotated, Literal

from msgspec import Meta
from msgspec.structs import replace

from ..base.codec import Record
from ..base.events import Event, Protects, Unaccounted, within
from ..base.ids import Count, Digest, Figure, Maybe, Name, Ppm, Tokens

MAX_TEAM = 4096
MAX_ALL_JUDGES = 64  # above this many members every model is judged by a drawn few
MAX_ROUNDS = 10_000
MAX_PHASES = 32
MAX_BENCH = 256
MAX_POSTS = 32_768  # of one round: what its last transaction reads and clears

Positive = Annotated[int, Meta(ge=1, le=10**9)]
Wait = Annotated[int, Meta(ge=1, le=10**11)]
TeamSize = Annotated[int, Meta(ge=1, le=MAX_TEAM)]
Patience = Annotated[int, Meta(ge=0, le=1000)]
Turn = Annotated[
    str,
    Meta(
        pattern=r"\A(everyone|leader|in_order|(present|everyone_but):[a-z0-9._-]{1,48}"
        r"|drawn:[a-z0-9._-]{1,48}:[1-9][0-9]?|groups:[1-9][0-9]{0,3})\Z",
        max_length=72,
    ),
]


class EventRule(Record):
    """What a publication costs the rows it depends on: an applicant names its own event between these two."""

    protects: Protects
    least: Event
    most: Event


class PhaseRule(Record):
    """In this phase the members whose turn it is owe one post of this content, within `wait` milliseconds."""

    name: Name
    turn: Turn
    content: Literal["model", "scores", "inline", "salt"]
    wait: Wait
    of: Maybe = ""  # for scores: the phase whose posts are judged
    sealed: bool = False  # scores are committed first and revealed when all are in
    quorum: Ppm = 0  # the share of owed posts below which the phase does not count
    rows: Literal["none", "training", "judging"] = "none"
    event: EventRule | None = None


Phases = Annotated[tuple[PhaseRule, ...], Meta(max_length=MAX_PHASES)]
Schedule = Annotated[tuple[Tokens, ...], Meta(max_length=MAX_ROUNDS)]


class Forming(Record):
    """How a team forms: who may be chosen, in which order, until when, and what each stakes (bp2p Alg. 1)."""

    size: TeamSize
    minimum: TeamSize
    wait: Wait
    candidates: Literal["all", "team", "listed"] = "all"
    team: Maybe = ""  # the standing team, where candidates says so
    order: Literal["value", "answer", "listed"] = "value"
    ability: Literal["graded", "standing"] = "standing"
    leader: Literal["first", "named", "analyst"] = "first"
    named: Maybe = ""
    amount: Count = 0  # data wanted; less than this when forming ends is a refund
    deposit: Tokens = 0
    leader_deposit: Tokens = 0
    minimum_credit: Tokens = 0
    units: bool = True  # every member but an analyst trains on a unit of its own
    bench: Annotated[int, Meta(ge=0, le=MAX_BENCH)] = 0


class Stopping(Record):
    """When the rounds end: quality reached, rounds or time used up, no better for a while, team too small."""

    rounds: Annotated[int, Meta(ge=1, le=MAX_ROUNDS)]
    time: Wait
    quality: Figure | None = None
    patience: Patience = 0  # stop when this many rounds together improved by less than `improvement`
    improvement: Figure = 0


class Evicting(Record):
    """Whom a completed round drops (bpcv 4.1): nobody, the worst as printed, or who makes it far worse."""

    kind: Literal["none", "worst", "outlier"] = "none"
    bound: Positive = 6  # so many median absolute deviations off, and more than electing's tolerance
    expel: bool = False  # authors of harmful models and judges who stray go without pay, with a fine


class Electing(Record):
    """Who assembles the record: POC (bp2p 4.3.2), PoQ (poq eq. 7), best score (bpcv 4.2), drawn; approval."""

    kind: Literal["contribution", "error", "error_as_printed", "best_score", "drawn"] = "contribution"
    wait: Wait = 3_600_000
    approve_wait: Wait = 3_600_000
    common: bool = False  # approvers measure on common data: compare with the recorder's figure
    tolerance: Figure = 10_000
    unanimous: bool = False  # poq as printed: every member of the electorate must approve


class Paying(Record):
    """How the reward is divided: weights, schedule, fees, what happens to penalties."""

    kind: Literal["lump", "per_round", "per_amount"] = "lump"
    weight: Literal["gain", "angle", "angle_as_printed", "equal", "amount"] = "gain"
    leader_share: bool = False  # bp2p eq. 10-11: the leader takes C/N before weights
    schedule: Schedule = ()  # per_round: the reward of each round; empty divides the reward evenly
    price: Tokens = 0  # per_amount: tokens per data unit
    recorder_fee: Tokens = 0
    analyst_fee: Tokens = 0
    quality_share: Ppm = 0  # this part of the pay is owed only when the wanted quality was reached
    penalties: Literal["sound", "as_printed"] = "sound"
    reuse_fee: Tokens = 0


class SealedTest(Record):
    """A test set of the requester's, named by hash now, opened once after the final model's hash."""

    commitment: Digest
    wait: Wait


class Rules(Record):
    """All that a request agreed to."""

    forming: Forming
    phases: Phases
    stopping: Stopping
    result: Name  # the phase whose last accepted post is the round's result
    opening: Phases = ()
    closing: Phases = ()
    combine_scores: Literal["median", "trimmed", "sum"] = "median"
    higher_is_better: bool = True
    evicting: Evicting = Evicting()
    electing: Electing = Electing()
    paying: Paying = Paying()
    test: SealedTest | None = None
    purchase_limit: Tokens = 0  # how much of the escrow the analyst may spend on linked purchases


def all_phases(rules: Rules) -> tuple[PhaseRule, ...]:
    """Opening, round and closing phases, in the order in which they are served."""
    return rules.opening + rules.phases + rules.closing


def draws(rules: Rules) -> bool:
    """Whether anything in these rules is decided by chance."""
    chance = ("in_order", "drawn:", "groups:")
    return rules.electing.kind == "drawn" or any(rule.turn.startswith(chance) for rule in all_phases(rules))


def smallest_team(form: Forming, analyst: bool) -> int:
    """How many data members a team needs: where no units are wanted, its analyst counts as one of it."""
    return form.minimum - (analyst and not form.units)


def flaw(rules: Rules, reward: int) -> str | None:
    """The first way in which these rules contradict themselves or could not be paid, or None."""
    names = [rule.name for rule in all_phases(rules)]
    if len(set(names)) < len(names):
        return "two phases have the same name"
    if len(names) > MAX_PHASES:
        return f"{len(names)} phases are more than {MAX_PHASES}"
    if len(names) * rules.forming.size > MAX_POSTS:
        return f"{len(names)} phases of {rules.forming.size} members are more than {MAX_POSTS} posts"
    if not rules.phases:
        return "there is no phase to train in"
    for check in (_flaw_of_forming, _flaw_of_phases, _flaw_of_pay):
        reason = check(rules, reward)
        if reason:
            return reason
    return None


def _flaw_of_forming(rules: Rules, reward: int) -> str | None:
    form = rules.forming
    if form.minimum > form.size:
        return f"the minimum team {form.minimum} is larger than the team {form.size}"
    if (form.candidates == "team") != bool(form.team):
        return "a standing team must be named exactly when the candidates are one"
    if (form.leader == "named") != bool(form.named):
        return "a leader must be named exactly when the leader is named"
    if form.ability == "graded" and form.leader != "named":
        return "only a named leader can grade abilities before the team forms"
    if form.order == "listed" and form.candidates != "listed":
        return "only a posted list has an order of its own"
    if form.leader == "analyst" and form.minimum == 1 and not rules.purchase_limit and form.units:
        return "a team of one analyst trains on nothing"
    return None


def _flaw_of_phases(rules: Rules, reward: int) -> str | None:
    models = {rule.name for rule in rules.phases if rule.content == "model"}
    if rules.result not in models:
        return f"the result phase {rules.result!r} is not a model phase of a round"
    if rules.electing.tolerance < 0:
        return f"with a tolerance of {rules.electing.tolerance} no two figures could ever agree"
    if any((rule.content, rule.turn, rule.rows) != ("salt", "everyone", "none") for rule in rules.opening):
        return "opening phases reveal everyone's salts and nothing else"
    if draws(rules) != bool(rules.opening):
        return "a rule that draws needs an opening phase of salts, and only such a rule"
    for served in (rules.phases, rules.closing):
        seen: set[str] = set()  # a turn refers to who has posted in the same round
        for rule in served:
            reason = _flaw_of_phase(rule, rules, models, seen)
            if reason:
                return f"phase {rule.name!r}: {reason}"
            seen.add(rule.name)
    return None


def _flaw_of_phase(rule: PhaseRule, rules: Rules, models: set[str], seen: set[str]) -> str | None:
    kind, _, rest = rule.turn.partition(":")
    if rule.content == "salt":
        return "salts are revealed in opening phases only"
    if (rule.content == "scores") != bool(rule.of):
        return "scores name the phase they judge, and nothing else does"
    if rule.of and (rule.of not in models or (rule.of not in seen and rule in rules.phases)):
        return f"it judges {rule.of!r}, which is no earlier model phase"
    if rule.sealed and rule.content not in ("scores", "model"):
        return "only models and scores can be sealed"
    if kind in ("present", "everyone_but") and rest not in seen:
        return f"its turn refers to {rest!r}, which is no earlier phase"
    if kind == "drawn" and (rule.content != "scores" or rest.rpartition(":")[0] != rule.of):
        return "drawn judges belong to the phase that they judge"
    if rule.content == "scores" and kind != "drawn" and rules.forming.size > MAX_ALL_JUDGES:
        return f"above {MAX_ALL_JUDGES} members each model is judged by a drawn few"
    if rule.event is not None and rule.rows == "none":
        return "it names an event but touches no private rows"
    if rule.event is not None and not within(rule.event.least, rule.event.least, rule.event.most):
        return "its least event is not within its most"
    return None


def _flaw_of_pay(rules: Rules, reward: int) -> str | None:
    pay, closing = rules.paying, {rule.content for rule in rules.closing}
    fees = pay.recorder_fee + pay.analyst_fee
    if fees > reward:
        return f"the fees {fees} are more than the reward {reward}"
    if pay.kind == "per_round" and pay.schedule and len(pay.schedule) != rules.stopping.rounds:
        return f"the schedule names {len(pay.schedule)} rounds of {rules.stopping.rounds}"
    if pay.kind == "per_round" and sum(pay.schedule) > reward - fees:
        return f"the schedule adds up to {sum(pay.schedule)} of {reward - fees}"
    if pay.weight in ("angle", "angle_as_printed") and "scores" not in closing:
        return "angles are measured in a closing phase of scores"
    if rules.electing.kind in ("error", "error_as_printed") and "scores" not in closing:
        return "errors are measured in a closing phase of scores"
    scored = any(rule.content == "scores" for rule in rules.phases)
    drops = rules.evicting.kind != "none" or rules.evicting.expel
    if not scored and (pay.weight == "gain" or rules.electing.kind == "best_score" or drops):
        return "gains, best scores and evictions need a phase of scores"
    if rules.combine_scores == "sum" and (rules.evicting.kind == "outlier" or rules.evicting.expel):
        return "sums over different judges do not say whose model is an outlier"
    if rules.evicting.expel and any(rule.turn == "in_order" for rule in rules.phases):
        return "where each trains on from the one before, a harmful model is not told from a harmed one"
    if pay.leader_share and pay.kind != "lump":
        return "the leader's share is a part of a lump reward"
    if rules.purchase_limit > reward - fees or (rules.purchase_limit and rules.forming.leader != "analyst"):
        return "only an analyst spends on purchases, and never more than the reward without fees"
    return None


def dearest(rule: EventRule) -> Event:
    """The costliest event in a rule's range: the least noise, the most often."""
    noise = [name for name in rule.most.__struct_fields__ if name in ("sigma_milli", "scale_milli")]
    return replace(rule.most, **{name: getattr(rule.least, name) for name in noise})


def uncharged(rules: Rules) -> tuple[str, ...]:
    """The phases that publish something of private rows without a formal guarantee for them."""
    return tuple(
        rule.name
        for rule in all_phases(rules)
        if rule.rows != "none" and (rule.event is None or isinstance(rule.event.most, Unaccounted))
    )
