"""``gzslbench reported``: the audit of the numbers that papers print."""

from __future__ import annotations

from pathlib import Path

import click

from gzslbench.cli.pages import check_pages, pages_options, print_tables, require_one, update_pages


@click.command()
@pages_options("leaderboards", "the page")
def reported(write_to: Path | None, check_in: Path | None) -> None:
    """Tabulate what is wrong with numbers that papers print, and how often test labels were looked at for them.

    What the numbers themselves tell is computed, such as an H that is not the harmonic mean of its U and S; the rest
    says how it is known.
    """
    from gzslbench.report.formats.audit_tables import audit_page, audit_tables

    require_one(write_to, check_in)
    if check_in:
        check_pages([audit_page()], check_in, "reported")
    elif write_to:
        update_pages([audit_page()], write_to)
    else:
        print_tables(audit_tables())
