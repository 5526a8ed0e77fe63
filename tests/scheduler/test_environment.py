"""A second terminal beside ``make up``."""

import subprocess


def test_a_shell_can_type_the_commands_of_the_documents(airflow, tmp_path):
    # With nothing but the file that `make up` writes, which only its owner may read.
    file = tmp_path / "env.sh"
    airflow.write_environment(file)
    assert file.stat().st_mode & 0o777 == 0o600
    done = subprocess.run(
        ["sh", "-c", f". {file}; airflow dags list --output plain"],
        capture_output=True,
        text=True,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        check=True,
    )
    assert "profitability_daily" in done.stdout
