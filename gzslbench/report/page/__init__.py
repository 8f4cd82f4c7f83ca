"""The leaderboard as one page of HTML that needs nothing beside it: no network, no fonts, no server."""

from gzslbench.report.page.render import render_page

__all__ = ["render_page"]
