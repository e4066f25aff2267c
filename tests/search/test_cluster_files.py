"""docs/cluster.md and docs/clusters/: each file against its tool's rules, as far as they are to be had without it."""

import importlib.util
import json
import os
import re
import shlex
import signal
import subprocess
import time
import tomllib
from pathlib import Path

import jsonschema
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from experiments.command_line.cli import parse
from experiments.tune import TuneOptions

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "docs" / "clusters"
PAGE = (ROOT / "docs" / "cluster.md").read_text()
AWS = yaml.safe_load((FILES / "aws.yaml").read_text())
CLAIM, JOB = yaml.safe_load_all((FILES / "kuberay.yaml").read_text())
CLUSTER = JOB["spec"]["rayClusterSpec"]
HEAD, WORKERS = CLUSTER["headGroupSpec"], CLUSTER["workerGroupSpecs"]
SLURM = (FILES / "slurm.sh").read_text()
SBATCH = {  # of sbatch's manual, those that a script may well use
    *("job-name", "nodes", "ntasks-per-node", "cpus-per-task", "gpus-per-node", "mem", "time", "signal", "requeue"),
    *("no-kill", "open-mode", "output", "error", "partition", "account", "exclusive", "constraint"),
}
SHOWN = ("s3://MY-BUCKET", "--max-concurrent 16", "--resume /shared", "--max-failures 10")  # one of each place


def tune_lines() -> list[str]:
    """What is given to `tune`, or to search.sh for it, in the page's commands and in the files and their comments."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    texts = [*blocks, *(path.read_text() for path in sorted(FILES.iterdir()))]
    joined = "\n".join(re.sub(r"\\\n#?", " ", text) for text in texts)
    found = re.findall(r"(?:python -m experiments\.tune|docs/clusters/search\.sh) (.*)", joined)
    return [line.removesuffix("&") for line in found if "$" not in line]  # search.sh's own are run below


@pytest.mark.parametrize("line", tune_lines())
def test_every_search_shown_is_one_that_tune_takes(line: str) -> None:
    assert isinstance(parse(TuneOptions, shlex.split(line, comments=True), prog="tune"), TuneOptions)


def test_the_searches_shown_are_found() -> None:
    lines = "\n".join(tune_lines())
    assert len(tune_lines()) >= 9
    assert all(part in lines for part in SHOWN)


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)#]+)", PAGE))
def test_links_lead_somewhere(link: str) -> None:
    assert (ROOT / "docs" / link).exists()


def test_ray_and_python_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (asked,) = (found for found in map(Requirement, project["dependencies"]) if found.name == "ray")
    image = re.search(r"^FROM rayproject/ray:([\d.]+)-py(\d)(\d+)$", (FILES / "Dockerfile").read_text(), re.MULTILINE)
    assert image
    version, python = image[1], f"{image[2]}.{image[3]}"
    assert asked.specifier.contains(version)
    assert f"ray=={version}" in (ROOT / "constraints.txt").read_text().splitlines()
    assert SpecifierSet(project["requires-python"]).contains(python)
    assert AWS["docker"]["image"] == image[0].removeprefix("FROM ")
    assert CLUSTER["rayVersion"] == version
    pods = [group["template"]["spec"] for group in (HEAD, *WORKERS)]
    assert {container["image"] for pod in pods for container in pod["containers"]} == {f"tritone:ray-{version}"}
    assert f"-t tritone:ray-{version} " in (FILES / "Dockerfile").read_text()
    assert f"`rayproject/ray:{version}-py{image[2]}{image[3]}`" in PAGE


def test_ray_up_takes_the_cluster() -> None:
    schema = Path(str(importlib.util.find_spec("ray").origin)).parent / "autoscaler" / "ray-schema.json"  # not imported
    jsonschema.validate(AWS, json.loads(schema.read_text()))
    types = AWS["available_node_types"]
    assert AWS["head_node_type"] in types
    assert sum(kind.get("max_workers", 0) for kind in types.values()) == AWS["max_workers"]


def test_nodes_of_ray_up_share_a_token_and_show_no_dashboard() -> None:
    assert AWS["file_mounts"]["/home/ray/.ray/auth_token"] == "~/.ray/auth_token"
    assert "--env RAY_AUTH_MODE=token" in AWS["docker"]["run_options"]
    assert "--dashboard-host=127.0.0.1" in " ".join(AWS["head_start_ray_commands"])
    assert "IpPermissions" not in AWS["provider"].get("security_group", {})


def test_the_job_is_one_of_kuberay() -> None:
    """Its fields are those of KubeRay's types that it needs; a misspelt one would be left out without a word."""
    assert (JOB["apiVersion"], JOB["kind"]) == ("ray.io/v1", "RayJob")
    job = {"entrypoint", "runtimeEnvYAML", "backoffLimit", "shutdownAfterJobFinishes", "rayClusterSpec"}
    cluster = {"rayVersion", "authOptions", "enableInTreeAutoscaling", "autoscalerOptions"}
    assert set(JOB["spec"]) == job
    assert set(CLUSTER) == cluster | {"headGroupSpec", "workerGroupSpecs"}
    assert set(CLUSTER["autoscalerOptions"]) == {"idleTimeoutSeconds"}
    assert set(HEAD) == {"serviceType", "rayStartParams", "template"}
    for group in WORKERS:
        assert set(group) == {"groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template"}
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    texts = [*HEAD["rayStartParams"].values(), *yaml.safe_load(JOB["spec"]["runtimeEnvYAML"])["env_vars"].values()]
    assert all(isinstance(text, str) for text in texts)


def test_the_job_asks_for_a_token_and_is_reached_from_inside_alone() -> None:
    assert CLUSTER["authOptions"] == {"mode": "token"}
    assert HEAD["serviceType"] == "ClusterIP"


def test_all_pods_of_the_job_mount_the_claim_that_the_run_is_on() -> None:
    run = Path(yaml.safe_load(JOB["spec"]["runtimeEnvYAML"])["env_vars"]["RUN"])
    assert CLAIM["kind"] == "PersistentVolumeClaim"
    assert CLAIM["spec"]["accessModes"] == ["ReadWriteMany"]
    for group in (HEAD, *WORKERS):
        pod = group["template"]["spec"]
        claims = {volume["name"]: volume["persistentVolumeClaim"]["claimName"] for volume in pod["volumes"]}
        for container in pod["containers"]:
            places = {mount["mountPath"]: claims[mount["name"]] for mount in container["volumeMounts"]}
            assert set(places.values()) == {CLAIM["metadata"]["name"]}
            assert any(run.is_relative_to(place) for place in places)


def test_the_image_has_what_the_job_starts() -> None:
    image = (FILES / "Dockerfile").read_text()
    folder = re.search(r"^WORKDIR (.+)$", image, re.MULTILINE)
    assert folder
    script = shlex.split(JOB["spec"]["entrypoint"])[1]
    assert (ROOT / Path(script).relative_to(folder[1])).exists()


@pytest.mark.parametrize("name", ["search.sh", "slurm.sh"])
def test_scripts_are_bash(name: str) -> None:
    subprocess.run(["bash", "-n", str(FILES / name)], check=True)


def test_slurm_knows_the_options() -> None:
    options = re.findall(r"^#SBATCH --([\w-]+)", SLURM, re.MULTILINE)
    assert len(options) == len(re.findall("^#SBATCH", SLURM, re.MULTILINE)) > 5
    assert set(options) <= SBATCH
    assert int(re.search(r"--signal=B:TERM@(\d+)", SLURM)[1]) > 20  # what a search needs to end  # type: ignore[index]
    assert SLURM.index("set -euo") > SLURM.rindex("\n#SBATCH")  # sbatch reads no option after the first command


def stand_in(place: Path, name: str, text: str) -> None:
    place.mkdir(parents=True, exist_ok=True)
    (place / name).write_text(f"#!/usr/bin/env bash\n{text}\n")
    (place / name).chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """The environment of a job's first node, where every program that would do something notes how it was called."""
    tools = tmp_path / "bin"
    note = f'echo "$(basename "$0") $*" >>{tmp_path}/calls'
    for name in ("ray", "srun"):
        stand_in(tools, name, note)
    stand_in(tools, "scontrol", "printf 'one\\ntwo\\nthree\\n'")
    stand_in(tools, "hostname", "echo 10.0.0.1 10.1.0.1")
    ending = f"trap 'echo told >>{tmp_path}/calls; exit 1' TERM"
    wait = f"[ ! -e {tmp_path}/long ] || {{ sleep 20 >/dev/null 2>&1 & wait; }}"
    stand_in(tools, "python", f'if [ "$1" = -c ]; then echo secret; exit; fi\n{ending}\n{note}\n{wait}')
    stand_in(tmp_path / "venv" / "bin", "activate", "")
    slurm = {"SLURM_JOB_ID": "123456", "SLURM_CPUS_PER_TASK": "8", "SLURM_JOB_NODELIST": "x", "SLURMD_NODENAME": "one"}
    own = {"VENV": str(tmp_path / "venv"), "RUN": str(tmp_path / "runs" / "it")}
    return {**os.environ, **slurm, **own, "PATH": f"{tools}:{os.environ['PATH']}"}


def calls(tmp_path: Path, until: str = "", times: int = 0) -> list[str]:
    """What was called, as soon as `until` is in it so many times: what runs in the background takes a moment."""
    path, patience = tmp_path / "calls", time.monotonic() + 100
    while True:
        made = path.read_text().splitlines() if path.exists() else []
        if sum(until in line for line in made) >= times:
            return made
        assert time.monotonic() < patience, made
        time.sleep(0.02)


def run(name: str, environment: dict[str, str], *arguments: str) -> int:
    return subprocess.run(["bash", str(FILES / name), *arguments], cwd=ROOT, env=environment, check=False).returncode


def test_a_search_begins_and_then_goes_on(tmp_path: Path, machine: dict[str, str]) -> None:
    place = Path(machine["RUN"])
    assert run("search.sh", machine, "notes", "my songs/", "--trials", "7") == 0
    (place / "notes").mkdir(parents=True)
    (place / "run.json").touch()  # begun, and stopped before its first trial: nothing to go on with
    assert run("search.sh", machine, "notes") == 0
    (place / "notes" / "study.journal").touch()
    assert run("search.sh", machine, "notes", "--trials", "7") == 0
    fresh = f"--runs {place.parent} --name it"
    asked = [f"notes my songs/ --trials 7 {fresh}", f"notes {fresh}", f"--resume {place}"]
    assert calls(tmp_path) == [f"python -m experiments.tune {line}" for line in asked]


def test_what_a_run_is_not_believed_is_given_again(tmp_path: Path, machine: dict[str, str]) -> None:
    place = Path(machine["RUN"])
    (place / "notes").mkdir(parents=True)
    (place / "notes" / "study.journal").touch()
    own = ("--address=a:1", "--storage", "s3://a b", "--space", "s.py:f"), ("--storage=/a b", "--address", "b:2")
    for words in own:
        assert run("search.sh", machine, "notes", "--trials", "7", *words, "--seed", "2") == 0
    assert calls(tmp_path) == [f"python -m experiments.tune --resume {place} {' '.join(words)}" for words in own]
    assert run("search.sh", machine, "notes", "--storage") == 0  # which tune refuses


def test_a_search_needs_to_be_told_its_run(machine: dict[str, str]) -> None:
    del machine["RUN"]
    assert run("search.sh", machine, "notes") != 0
    assert run("slurm.sh", machine) != 0


def test_slurm_starts_a_head_and_a_worker_on_each_other_node(tmp_path: Path, machine: dict[str, str]) -> None:
    assert run("slurm.sh", machine) == 0
    made = calls(tmp_path, "srun", 2)
    heads = [line for line in made if line.startswith("ray start --head")]
    assert len(heads) == 1
    assert "--node-ip-address=10.0.0.1 --port=23456" in heads[0]
    assert "--include-dashboard=false" in heads[0]
    workers = [line for line in made if line.startswith("srun")]
    assert sorted(re.findall(r"--nodelist=(\w+)", "\n".join(workers))) == ["three", "two"]
    assert all("ray start --address=10.0.0.1:23456" in line for line in workers)
    assert any(line.startswith("python -m experiments.tune notes") for line in made)


def test_slurm_tells_the_search_that_its_time_is_over(tmp_path: Path, machine: dict[str, str]) -> None:
    (tmp_path / "long").touch()
    with subprocess.Popen(["bash", str(FILES / "slurm.sh")], cwd=ROOT, env=machine) as job:
        calls(tmp_path, "experiments.tune", 1)
        job.send_signal(signal.SIGTERM)
        assert job.wait(timeout=100) == 1  # what the search itself ended with
    assert calls(tmp_path).count("told") == 1
