from click.testing import CliRunner

from gzslbench.cli.main import cli


def reported(*arguments):
    return CliRunner().invoke(cli, ["reported", *map(str, arguments)])


def test_the_audit_is_printed():
    done = reported()
    assert done.exit_code == 0
    assert "## Known to be wrong" in done.output


def test_its_page_is_written_once_and_checked(tmp_path):
    assert reported("--check", tmp_path).exit_code == 1
    assert "wrote" in reported("--write", tmp_path).output
    assert "was up to date" in reported("--write", tmp_path).output
    assert reported("--check", tmp_path).exit_code == 0
    page = tmp_path / "reported.md"
    page.write_text(page.read_text().replace("## Known to be wrong", "## Known to be right"))
    assert reported("--check", tmp_path).exit_code == 1
