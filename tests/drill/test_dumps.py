"""Which dump is restored: the newest that nobody is writing any more; and what it is."""

from datetime import UTC, datetime

import fsspec
import pytest
from airflow.sdk.io import attach

from drill.conftest import age
from sancrm_reports.backups.drill.result import DrillError, Trouble
from sancrm_reports.backups.dumps.format import DamagedError, UnknownFormatError, format_of
from sancrm_reports.backups.dumps.newest import newest_dump

NOW = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
AT = NOW.timestamp()


def put(folder, name, seconds_ago, content=b"PGDMP"):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    age(path, AT - seconds_ago)


def found(place, quiet_seconds=120):
    return newest_dump(str(place), quiet_seconds=quiet_seconds, now=NOW)


def test_the_newest_finished_one_is_taken(tmp_path):
    # Not the oldest, not what is being written, not what is hidden or matches no pattern.
    put(tmp_path, "1.dump", 7200)
    put(tmp_path, "2.dump", 3600, b"PGDMP and more")
    put(tmp_path, "3.dump", 119)
    put(tmp_path, ".4.dump", 600)
    put(tmp_path, "2.dump.sha256", 500)
    dump = found(tmp_path / "*.dump")
    assert (dump.name, dump.size) == ("2.dump", 14)
    assert dump.written_at.timestamp() == AT - 3600
    assert found(tmp_path / "*.dump", quiet_seconds=119).name == "3.dump"


def test_a_dump_that_is_dated_ahead_is_not_the_newest(tmp_path):
    # By however much: a clock that is wrong must not keep the drill at one old dump for good.
    put(tmp_path, "1.dump", 7200)
    put(tmp_path, "2.dump", -30)
    put(tmp_path, "3.dump", -86400)
    assert found(tmp_path / "*.dump").name == "1.dump"
    assert found(tmp_path / "*.dump", quiet_seconds=0).name == "1.dump"


def test_a_folder_is_as_new_as_its_newest_file(tmp_path):
    # A dump in the directory format: old files do not make it finished while one is written.
    put(tmp_path, "crm.dir/1.dat", 3600)
    put(tmp_path, "crm.dir/toc.dat", 30)
    with pytest.raises(DrillError, match="no finished dump"):
        found(tmp_path / "*")
    age(tmp_path / "crm.dir" / "toc.dat", AT - 300)
    one = found(tmp_path / "*")
    assert (one.size, one.written_at.timestamp()) == (10, AT - 300)


@pytest.mark.parametrize(
    ("place", "trouble"),
    [
        ("", Trouble.NOT_SET),
        ("crm.dump", Trouble.NOT_SET),
        ("/no/such/folder/*.dump", Trouble.NO_DUMP),
    ],
)
def test_a_place_that_holds_nothing_says_what_to_set(place, trouble):
    # Not set, no folder, and a folder that is not there.
    with pytest.raises(DrillError) as caught:
        found(place)
    assert caught.value.trouble is trouble
    assert place in str(caught.value)


def test_a_dump_in_an_object_store_is_brought_here(tmp_path):
    # By Airflow's object storage: a file, and a folder with all its files.
    fs = fsspec.filesystem("memory")
    attach("memory", fs=fs)
    fs.pipe({"/crm/a.dump": b"PGDMP1", "/crm/b.dir/toc.dat": b"t", "/crm/b.dir/1.dat": b"12"})
    now = max(fs.modified(path) for path in fs.find("/crm"))
    for pattern, size, files in (("*.dump", 6, []), ("*.dir", 3, ["1.dat", "toc.dat"])):
        one = newest_dump(f"memory://crm/{pattern}", quiet_seconds=0, now=now)
        assert (one.size, one.is_local) == (size, False)
        fetched = one.fetch(tmp_path)
        assert fetched.parent == tmp_path
        assert sorted(path.name for path in fetched.glob("*")) == files
    assert (tmp_path / "a.dump").read_bytes() == b"PGDMP1"


def test_a_local_dump_is_read_where_it_lies(tmp_path):
    # A copy would need its size once more.
    put(tmp_path, "crm.dump", 300)
    assert found(tmp_path / "*").fetch(tmp_path / "elsewhere") == tmp_path / "crm.dump"


def test_the_first_bytes_tell_the_format(shelf):
    # Names are the backup's affair.
    formats = {path.name: str(format_of(path)) for path in shelf.iterdir()}
    assert formats == {
        "crm.dump": "custom",
        "crm.dir": "directory",
        "crm.tar": "tar",
        "crm.sql": "plain",
        "crm.sql.gz": "plain, gzip",
    }


def test_another_format_is_not_taken_for_damage(tmp_path):
    # Compressed by a program that is not known here.
    (tmp_path / "crm.sql.7z").write_bytes(b"7z\xbc\xaf\x27\x1c\0\4")
    with pytest.raises(UnknownFormatError, match=r"crm\.sql\.7z"):
        format_of(tmp_path / "crm.sql.7z")


def test_what_a_failed_backup_leaves_is_damaged(tmp_path):
    # An empty file under the final name, and a folder whose table of contents never came.
    (tmp_path / "empty.dump").touch()
    (tmp_path / "crm.dir").mkdir()
    for path in tmp_path.iterdir():
        with pytest.raises(DamagedError):
            format_of(path)
