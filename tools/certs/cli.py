"""`jidoka certs create | list | show | trust | reject | revoke | renew | user`."""

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
import yaml
from rich.console import Console

from services.opcua_bridge.adapters.trust import name_of, read_certificate, thumbprint
from services.opcua_bridge.adapters.users import fingerprint, hashed
from tools.certs import shelf
from tools.certs.authority import NEXT, Authority, PkiError, swap
from tools.certs.table import details, table
from tools.plant.keep import private

app = typer.Typer(
    no_args_is_help=True,
    help="""OPC UA certificates: who this plant's applications are, and whom they trust.

An OPC UA connection is encrypted only if BOTH sides trust each other's certificate. A refused one lands in the
rejected list of the side that refused it. So, for a new PLC or SCADA system:

1. let it connect once (it is refused); 2. `jidoka certs list` shows it; 3. compare the thumbprint with the one that
its own screen shows; 4. `jidoka certs trust THUMBPRINT`; 5. trust ours at the other side in the same way.

Services notice a change within two seconds: nothing is restarted.
""",
)
Pki = Annotated[Path, typer.Option("--pki", help="Folder with ca/ and the applications' folders, or one of those.")]
PKI = Path(".jidoka/pki")
Days = Annotated[int, typer.Option(help="How long it is valid.", min=1, max=7300)]
Bits = Annotated[int, typer.Option(help="Size of the RSA key: 2048, 3072 or 4096.")]
What = Annotated[str, typer.Argument(help="A certificate file, or the beginning of a thumbprint.")]
Hosts = Annotated[list[str] | None, typer.Option("--host", help="DNS name or IP that clients dial; may be repeated.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Name of the application; also of its folder.")],
    pki: Pki = PKI,
    uri: Annotated[str, typer.Option(help="Application URI; by default urn:jidoka:NAME.")] = "",
    host: Hosts = None,
    bits: Bits = 2048,
    days: Days = 730,
) -> None:
    """Make an application's folder with key and certificate, and the plant's CA where there is none.

    A server needs every name and address that its clients dial: --host line1-plc --host 10.0.3.7
    """
    with _spoken():
        certificate = Authority.made(pki, bits).issue(
            name, uri or f"urn:jidoka:{name}", host or ["localhost", "127.0.0.1"], bits, timedelta(days=days)
        )
    typer.echo(f"{pki / name} is ready to be mounted; its thumbprint is {thumbprint(certificate)}")
    typer.echo(
        f"At its peers install {pki / name / 'trusted/plant-ca.der'} as a trusted CA, with {pki / name / 'crl'}."
    )


@app.command("list")
def list_(pki: Pki = PKI, width: Annotated[int, typer.Option(help="Columns; 0: as the terminal.")] = 0) -> None:
    """Show every certificate: whose, in which list, its thumbprint, names and days left."""
    with _spoken():
        shown = table(list(shelf.kept(pki)))
    Console(width=width or None).print(shown)


@app.command()
def show(what: What, pki: Pki = PKI) -> None:
    """Show one certificate with all that a peer looks at, and who keeps it."""
    with _spoken():
        certificate = shelf.found(pki, what)
        keepers = [one for one in shelf.kept(pki) if one.certificate == certificate]
    Console().print(details(certificate, keepers))


@app.command()
def trust(
    what: What,
    pki: Pki = PKI,
    application: Annotated[str, typer.Option("--for", help="Application that shall trust it.")] = "",
) -> None:
    """Trust a certificate: one that was rejected, by those who rejected it; or a file, by --for (or all)."""
    with _spoken():
        certificate = shelf.found(pki, what)
        keepers = [one for one in shelf.kept(pki) if one.certificate == certificate and one.kind == "rejected"]
        homes = [one.application for one in keepers] or [one for one in shelf.applications(pki) if one.name != "ca"]
        if application:
            homes = [one for one in shelf.applications(pki) if one.name == application]
        if not homes:
            raise PkiError(f"{pki} has no application {application or 'at all'}: `jidoka certs list` shows them")
        for home in homes:
            typer.echo(
                f"{home.name} trusts {name_of(certificate)} {thumbprint(certificate)}: {shelf.trust(home, certificate)}"
            )


@app.command()
def reject(what: What, pki: Pki = PKI) -> None:
    """Trust one certificate no longer, wherever it was trusted itself. Of a CA's certificates use `revoke`."""
    with _spoken():
        certificate = shelf.found(pki, what)
        gone = [path for home in shelf.applications(pki) for path in shelf.reject(home, certificate)]
        if not gone:
            raise PkiError(
                f"{name_of(certificate)} is nowhere in a trusted list of {pki}: perhaps its CA is; revoke it"
            )
    for path in gone:
        typer.echo(f"no longer trusted: {path}")


@app.command()
def revoke(what: What, pki: Pki = PKI) -> None:
    """Put a certificate of the plant's CA on its revocation list: stolen, lost, out of use. There is no way back."""
    with _spoken():
        certificate = shelf.found(pki, what)
        files = Authority(pki).revoke(certificate)
    typer.echo(f"{name_of(certificate)} {thumbprint(certificate)} is revoked; its sessions end within two seconds")
    for path in files:
        typer.echo(f"written: {path}")
    typer.echo("Install that list at PLCs and SCADA systems as well: they read no file of ours.")


@app.command()
def renew(
    home: Annotated[Path, typer.Argument(help="Folder of the application.")],
    days: Days = 730,
    bits: Bits = 2048,
    host: Hosts = None,
    *,
    new_key: Annotated[bool, typer.Option(help="A new key, too: always after a suspicion.")] = False,
    in_force: Annotated[bool, typer.Option("--swap", help="Put the renewed one in force.")] = False,
) -> None:
    """Make the next certificate of an application; the present one stays in force until `--swap`.

    First have every peer trust the next one, then swap and restart the application: no connection is lost for long.
    """
    with _spoken():
        if in_force:
            certificate = swap(home)
            typer.echo(
                f"{thumbprint(certificate)} is in force: restart {home.name}. The one before is in own/previous."
            )
            return
        valid = timedelta(days=days)
        certificate = Authority(home.parent).renew(home, new_key=new_key, bits=bits, valid=valid, hosts=host or ())
    typer.echo(
        f"next certificate of {home.name}: {thumbprint(certificate)}, until {certificate.not_valid_after_utc:%Y-%m-%d}"
    )
    typer.echo(f"1. At peers that trust the plant's CA: nothing. At others: install {home / NEXT / 'certificate.der'}")
    typer.echo(f"2. jidoka certs renew {home} --swap, and restart {home.name}")


@app.command()
def user(
    name: Annotated[str, typer.Argument(help="User name.")],
    file: Annotated[Path, typer.Option(help="The users file of the server (YAML); made where there is none.")],
    role: Annotated[str, typer.Option(help="observer, operator or engineer.")] = "observer",
    certificate: Annotated[Path | None, typer.Option(help="The user logs in with this certificate.")] = None,
    *,
    remove: Annotated[bool, typer.Option(help="Take the account away; its sessions end within two seconds.")] = False,
) -> None:
    """Add, change or remove an account of an OPC UA server. The password is asked for, and only its hash is kept."""
    with _spoken():
        accounts = yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else {}
        if remove:
            if accounts.pop(name, None) is None:
                raise PkiError(f"{file} has no account {name}")
        elif certificate is not None:
            accounts[name] = {"role": role, "certificate": fingerprint(read_certificate(certificate))}
        else:
            password = typer.prompt(f"Password of {name}", hide_input=True, confirmation_prompt=True)
            accounts[name] = {"role": role, "scrypt": hashed(password)}
        private(file, yaml.safe_dump(accounts))
    typer.echo(f"{file}: {name} {'is gone' if remove else f'is {role}'}; the server has it from the next log-in on")


@contextlib.contextmanager
def _spoken() -> Iterator[None]:
    try:
        yield
    except (PkiError, OSError, ValueError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
