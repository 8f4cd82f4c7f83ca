"""The Debian packages that the fonts come from, with their licences; downloaded and unpacked, never installed."""

from __future__ import annotations

import subprocess
from pathlib import Path

OFL = "OFL-1.1"
LICENCES: dict[str, str] = {
    "fonts-3270": f"BSD-3-Clause OR {OFL}",
    "fonts-agave": "MIT",
    "fonts-anonymous-pro": OFL,
    "fonts-arapey": OFL,
    "fonts-cantarell": OFL,
    "fonts-cardo": OFL,
    "fonts-clear-sans": "Apache-2.0",
    "fonts-cmu": OFL,
    "fonts-comfortaa": OFL,
    "fonts-comic-neue": OFL,
    "fonts-courier-prime": OFL,
    "fonts-croscore": OFL,
    "fonts-crosextra-caladea": f"Apache-2.0 OR {OFL}",
    "fonts-crosextra-carlito": OFL,
    "fonts-dejavu-core": "Bitstream-Vera",
    "fonts-dejavu-extra": "Bitstream-Vera",
    "fonts-dosis": OFL,
    "fonts-ebgaramond": OFL,
    "fonts-elstob": OFL,
    "fonts-essays1743": f"{OFL} OR LGPL-2.1-only",
    "fonts-eurofurence": OFL,
    "fonts-fantasque-sans": OFL,
    "fonts-firacode": OFL,
    "fonts-georgewilliams": f"{OFL} OR BSD-3-Clause",
    "fonts-gfs-artemisia": OFL,
    "fonts-gfs-didot": OFL,
    "fonts-gfs-neohellenic": OFL,
    "fonts-go": "BSD-3-Clause",
    "fonts-inconsolata": OFL,
    "fonts-inter": OFL,
    "fonts-jetbrains-mono": "Apache-2.0",
    "fonts-junicode": OFL,
    "fonts-jura": OFL,
    "fonts-karla": OFL,
    "fonts-karmilla": OFL,
    "fonts-klaudia-berenika": OFL,
    "fonts-lato": OFL,
    "fonts-league-mono": OFL,
    "fonts-league-spartan": OFL,
    "fonts-liberation2": OFL,
    "fonts-linuxlibertine": f"{OFL} OR GPL-2.0-or-later WITH Font-exception-2.0",
    "fonts-lmodern": "GUST-Font-License (LPPL-1.3c)",
    "fonts-manrope": OFL,
    "fonts-monofur": OFL,
    "fonts-monoid": f"MIT OR {OFL}",
    "fonts-mononoki": OFL,
    "fonts-mplus": OFL,
    "fonts-noto-core": OFL,
    "fonts-noto-mono": OFL,
    "fonts-oldstandard": OFL,
    "fonts-open-sans": "Apache-2.0",
    "fonts-oxygen": f"{OFL} OR GPL-3.0-or-later WITH Font-exception-2.0",
    "fonts-paratype": "ParaType Free Font License",
    "fonts-play": OFL,
    "fonts-quicksand": OFL,
    "fonts-roboto-slab": "Apache-2.0",
    "fonts-roboto-unhinted": "Apache-2.0",
    "fonts-sil-andika": OFL,
    "fonts-sil-charis": OFL,
    "fonts-sil-doulos": OFL,
    "fonts-sil-gentiumplus": OFL,
    "fonts-sora": OFL,
    "fonts-texgyre": "GUST-Font-License (LPPL-1.3c)",
    "fonts-tuffy": "public domain",
    "fonts-vollkorn": OFL,
    "fonts-yanone-kaffeesatz": OFL,
}


def fetch(work: Path) -> dict[str, Path]:
    """Download and unpack what ``work`` lacks; return the folder that each package was unpacked into."""
    archives, unpacked = work / "debs", work / "unpacked"
    archives.mkdir(parents=True, exist_ok=True)
    missing = [name for name in LICENCES if not list(archives.glob(f"{name}_*.deb"))]
    if missing:
        subprocess.run(["apt-get", "-o", "APT::Sandbox::User=root", "download", *missing], cwd=archives, check=True)
    folders = {name: unpacked / name for name in LICENCES}
    for name, folder in folders.items():
        if not folder.exists():
            folder.parent.mkdir(exist_ok=True)
            subprocess.run(["dpkg-deb", "-x", str(archive(work, name)), str(folder)], check=True)
    return folders


def archive(work: Path, name: str) -> Path:
    """Return the downloaded archive of a package."""
    (found,) = (work / "debs").glob(f"{name}_*.deb")
    return found


def version(work: Path, name: str) -> str:
    """Return the Debian version of a package, read from its archive's name."""
    return archive(work, name).name.split("_")[1].replace("%3a", ":")
