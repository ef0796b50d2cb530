"""What is not ours stays; what is ours is whole or as it was."""

import errno
import os
from pathlib import Path

import pytest

from spiking_bimt import run_folder
from spiking_bimt.data import atomic
from spiking_bimt.errors import InputError


def export(folder: Path, content: str = "first") -> None:
    with atomic.replacing_folder(folder) as new:
        (new / "simulate.c").write_text(content)


def test_own_files_of_a_folder_are_replaced_and_others_kept(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    export(folder)
    (folder / "main.c").write_text("mine")
    (folder / "build").mkdir()
    (folder / "build" / "a.o").write_text("mine too")
    (folder / "there").symlink_to("/nowhere")
    export(folder, "second")
    assert (folder / "simulate.c").read_text() == "second"
    assert (folder / "main.c").read_text() == "mine"
    assert (folder / "build" / "a.o").read_text() == "mine too"
    assert (folder / "there").is_symlink()
    assert sorted(tmp_path.iterdir()) == [folder]
    assert atomic.check_manifest(folder)


@pytest.mark.parametrize("manifest", [True, False])
def test_a_changed_file_of_a_folder_is_not_replaced(tmp_path: Path, manifest: bool) -> None:
    folder = tmp_path / "c"
    export(folder)
    (folder / "simulate.c").write_text("my own work")
    with pytest.raises(InputError, match=r"simulate\.c is not as it was written"):
        atomic.check_manifest(folder)
    if not manifest:
        (folder / atomic.MANIFEST).unlink()
        assert not atomic.check_manifest(folder)
    what = r"was changed.*move it away" if manifest else "an earlier version wrote .*remove the"
    with pytest.raises(InputError, match=rf"c/simulate\.c {'' if manifest else '.*'}{what}"):
        export(folder, "second")
    assert (folder / "simulate.c").read_text() == "my own work"
    if not manifest:
        (folder / "simulate.c").unlink()
        export(folder, "second")
        assert (folder / "simulate.c").read_text() == "second"


def test_a_link_is_no_folder_to_replace(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine").write_text("mine")
    (tmp_path / "c").symlink_to(elsewhere)
    with pytest.raises(InputError, match="it is a link, which is not followed; move it away"):
        export(tmp_path / "c")
    assert [path.name for path in elsewhere.iterdir()] == ["mine"]


@pytest.mark.parametrize("exchange", [True, False])
def test_the_old_folder_stands_when_the_new_one_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchange: bool
) -> None:
    folder = tmp_path / "c"
    export(folder)
    rename = Path.rename

    def full(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return rename(self, target)

    if not exchange:
        monkeypatch.setattr(atomic, "_exchanged", lambda new, path: False)
        monkeypatch.setattr(Path, "rename", full)
        with pytest.raises(InputError, match="No space left"):
            export(folder, "second")
        assert (folder / "simulate.c").read_text() == "first"
        monkeypatch.setattr(Path, "rename", rename)
    export(folder, "third")
    assert (folder / "simulate.c").read_text() == "third"
    assert list(tmp_path.iterdir()) == [folder]


def test_the_next_command_puts_back_what_a_killed_exchange_moved(tmp_path: Path) -> None:
    export(tmp_path / "c")
    left = tmp_path / ".c.spiking_bimt.x"
    (left / "new").mkdir(parents=True)
    (tmp_path / "c").rename(left / "old")
    (tmp_path / ".rate.h5.spiking_bimt.123").write_bytes(b"half")
    with run_folder.writing(tmp_path):
        pass
    assert (tmp_path / "c" / "simulate.c").read_text() == "first"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "c"]


def test_a_file_without_the_mark_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('baseURL = "https://example.org/"')
    with pytest.raises(InputError, match="is no file of spiking_bimt: move it away"):
        atomic.write_bytes(path, b"# spiking_bimt")
    with pytest.raises(InputError, match="is no file of spiking_bimt: move it away"):
        atomic.remove(path)
    assert path.read_text() == 'baseURL = "https://example.org/"'
    path.write_text("# spiking_bimt")
    atomic.write_bytes(path, b"# spiking_bimt again")
    assert path.read_bytes() == b"# spiking_bimt again"


def test_links_are_replaced_and_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    (tmp_path / "report.html").symlink_to(precious)
    atomic.write_bytes(tmp_path / "report.html", b"spiking_bimt")
    assert precious.read_text() == "precious"
    assert not (tmp_path / "report.html").is_symlink()
    (tmp_path / "figures").symlink_to(tmp_path)
    with pytest.raises(InputError, match="figures is a link"):
        atomic.own_folder(tmp_path / "figures")


def test_the_lock_is_neither_followed_nor_emptied(tmp_path: Path) -> None:
    run, precious = tmp_path / "run", tmp_path / "precious"
    run.mkdir()
    precious.write_text("precious")
    (run / ".lock").symlink_to(precious)
    with pytest.raises(InputError, match=r"\.lock is a link"), run_folder.writing(run):
        pass
    (run / ".lock").unlink()
    os.link(precious, run / ".lock")
    with run_folder.writing(run):
        pass
    assert precious.read_text() == "precious"
    (run / ".lock").unlink()
    os.mkfifo(run / ".lock")
    with pytest.raises(InputError, match="no regular file"), run_folder.writing(run):
        pass
