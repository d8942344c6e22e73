"""What the gateway does not start with, and how to mend it.

Pure: facts in, refusals out. The costs of the password schemes are CPU time of one
check at the usual number of rounds; a worker of nginx does nothing else meanwhile, so
with a slow scheme a few clients with wrong passwords stop everybody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from gateway.certificates import CERTIFICATE, KEY, Certificate
from gateway.errors import Place
from gateway.htpasswd import FILE as HTPASSWD
from gateway.htpasswd import Entry, Scheme
from gateway.settings import DEMO_PASSWORD, Settings


class Reason(Enum):
    """Why something is refused."""

    NO_USER = "no user"
    DEMO_PASSWORD = "demo password beyond loopback"  # noqa: S105 - not a password
    PLAIN_PASSWORD = "plain password"  # noqa: S105
    SLOW_HASH = "slow hash"
    UNKNOWN_HASH = "unknown hash"
    READABLE_KEY = "key readable by others"
    FOREIGN_KEY = "key of another certificate"
    EXPIRED = "certificate expired"
    WRONG_NAME = "certificate without the address"
    UNREADABLE = "workers cannot read var/"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason not to start; reads `where: problem: what to do`."""

    reason: Reason
    place: Place
    problem: str
    fix: str

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}: {self.fix}"


_SLOW = {
    Scheme.SHA256_CRYPT: "about 0.9 ms",
    Scheme.SHA512_CRYPT: "about 1.3 ms",
    Scheme.BCRYPT: "1.8 ms at cost 5, 48 ms at cost 10",
    Scheme.YESCRYPT: "about 19 ms",
}
_FIX = "set a new one with `python -m gateway.credentials {user}`"


def refuse_credentials(entries: Sequence[Entry], settings: Settings) -> tuple[Refusal, ...]:
    """What is wrong with the users of var/htpasswd. Raises PrepareError when openssl fails."""
    if not entries:
        # nginx starts without a word and answers 403 to everybody.
        fix = "remove it to get the demo login back, or add a user with "
        fix += "`python -m gateway.credentials NAME`"
        return (Refusal(Reason.NO_USER, Place(HTPASSWD), "it has no user", fix),)
    return tuple(refusal for entry in entries for refusal in _refuse_entry(entry, settings))


def _refuse_entry(entry: Entry, settings: Settings) -> list[Refusal]:
    fix = _FIX.format(user=entry.user)
    if entry.scheme is Scheme.PLAIN:
        problem = f"the password of {entry.user} is stored in plain text"
        return [Refusal(Reason.PLAIN_PASSWORD, entry.place, problem, fix)]
    if entry.scheme in _SLOW:
        cost = _SLOW[entry.scheme]
        problem = f"the hash of {entry.user} ({entry.scheme.value}) blocks nginx at every request"
        return [Refusal(Reason.SLOW_HASH, entry.place, f"{problem}, {cost}", fix)]
    if entry.scheme is Scheme.UNKNOWN:
        problem = f"the hash of {entry.user} is of no known kind"
        return [Refusal(Reason.UNKNOWN_HASH, entry.place, problem, fix)]
    if not settings.is_loopback and entry.accepts(DEMO_PASSWORD):
        problem = f"{entry.user} has the password of the demo, and GATEWAY_LISTEN_ADDRESS "
        problem += f"({settings.listen_address}) is open to other machines"
        fix += ", or listen on 127.0.0.1"
        return [Refusal(Reason.DEMO_PASSWORD, entry.place, problem, fix)]
    return []


def refuse_certificate(
    certificate: Certificate, key_mode: int, key_fits: bool, settings: Settings, now: float
) -> tuple[Refusal, ...]:
    """What is wrong with the certificate and its key. `now` is in seconds since the epoch."""
    found: list[Refusal] = []
    # Group-readable is common and fine (the ssl-cert group of Debian).
    if key_mode & 0o027:
        fix = f"`chmod 600 {KEY}`; replace key and certificate if anybody may have copied it"
        problem = f"other users may read or change the key (mode {key_mode & 0o777:o})"
        found.append(Refusal(Reason.READABLE_KEY, Place(KEY), problem, fix))
    new = f"replace it, or remove {CERTIFICATE} and {KEY} to get one for this machine"
    if not key_fits:
        problem = "it does not belong to the certificate, is encrypted or cannot be read"
        found.append(Refusal(Reason.FOREIGN_KEY, Place(KEY), problem, new))
    if certificate.not_after <= now:
        found.append(Refusal(Reason.EXPIRED, Place(CERTIFICATE), "it has expired", new))
    if not certificate.serves(settings.address):
        where = settings.listen_address
        problem = f"its subjectAltName has no name for GATEWAY_LISTEN_ADDRESS={where}"
        if certificate.is_ours:
            fix = "listen on one address, or bring a certificate with the name that clients use"
        else:
            fix = new
        found.append(Refusal(Reason.WRONG_NAME, Place(CERTIFICATE), problem, fix))
    return tuple(found)


def refuse_workers(settings: Settings, can_read: bool, is_root: bool) -> Refusal | None:
    """Whether nginx would answer 500 to everybody because its workers cannot read var/.

    As root on loopback there is a way out that costs nothing (`user root;`): no refusal.
    """
    if can_read or (is_root and settings.is_loopback):
        return None
    problem = "the nginx workers cannot enter var/ or read var/htpasswd"
    fix = "`chmod a+rx` the folders down to var/tmp and make var/htpasswd readable for them"
    return Refusal(Reason.UNREADABLE, Place("var"), problem, fix)
