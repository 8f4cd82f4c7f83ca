"""Reports made from records alone: the tables of the leaderboard and its pages."""

from gzslbench.report.formats.pages import Page, leaderboard_pages, stale_pages, write_pages
from gzslbench.report.leaderboard import Leaderboard, build_leaderboard

__all__ = ["Leaderboard", "Page", "build_leaderboard", "leaderboard_pages", "stale_pages", "write_pages"]
