"""The leaderboard as one page of HTML that needs nothing beside it: no network, no fonts, no server."""
