"""What docs/deploy holds: the Ansible role, run by real Ansible on a running peerd, and the manifests for Kubernetes."""
import json
import os
import re
import subprocess
import sys

from support import packages
from support.peerd import PASSWORD
from support.process import temp_dir
from support.world import postgres_options
from support.writer import create_table

DEPLOY = f"{packages.repository()}/docs/deploy"


def ansible_dir():
    path = f"{packages.cache_dir()}/ansible"
    if not os.path.exists(f"{path}/bin/ansible-playbook"):
        packages.missing("Ansible")
    return path


class Playbook:
    """The role on this machine, with what a test declares of a world."""

    def __init__(self, world):
        self.world, self.dir = world, temp_dir("ansible")
        with open(f"{self.dir}/play.yml", "w") as file:
            file.write("- {hosts: all, gather_facts: false, roles: [peerd]}\n")

    def declared(self, password="postgres", tables=("public.items",), **mirror):
        peers = [("POSTGRES", self.world.source_peer, postgres_options(self.world.source, self.world.source_db, password=password)),
                 ("POSTGRES", self.world.target_peer, self.world.target_options())]
        self.world.tables = list(tables)
        return {"peerd_url": f"http://127.0.0.1:{self.world.peerd.ports['http_port']}", "peerd_password": PASSWORD,
                "peerd_peers": [{"peer": {"name": name, "type": kind, "postgres_config": options}} for kind, name, options in peers],
                "peerd_mirrors": [{"flow_job_name": self.world.mirror_name, "source_name": self.world.source_peer,
                                   "destination_name": self.world.target_peer, **mirror,
                                   "table_mappings": [{"source_table_identifier": table,
                                                       "destination_table_identifier": self.world.target_name(table)} for table in tables]}]}

    def run(self, variables, *arguments):
        """Exit code, how many tasks changed something, what it printed."""
        with open(f"{self.dir}/vars.json", "w") as file:
            json.dump(variables, file)
        library = ansible_dir()
        environment = {**{key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")},
                       "PYTHONPATH": library, "LC_ALL": "C.UTF-8", "HOME": self.dir, "ANSIBLE_HOME": f"{self.dir}/home",
                       "ANSIBLE_ROLES_PATH": f"{DEPLOY}/ansible/roles", "ANSIBLE_NOCOLOR": "1",
                       "ANSIBLE_PYTHON_INTERPRETER": sys.executable}
        done = subprocess.run([sys.executable, f"{library}/bin/ansible-playbook", "-i", "localhost,", "-c", "local",
                               "-e", f"@{self.dir}/vars.json", *arguments, f"{self.dir}/play.yml"],
                              capture_output=True, text=True, timeout=120, env=environment)
        printed = done.stdout + done.stderr
        counted = re.search(r"changed=(\d+)", printed)
        assert counted, printed
        return done.returncode, int(counted.group(1)), printed


def test_ansible_makes_it_so_once_and_changes_nothing_twice(new_world):
    world = new_world("postgres")
    create_table(world.source, "public.items", 200, world.source_db)
    create_table(world.source, "public.other", 20, world.source_db)
    book = Playbook(world)

    code, changed, printed = book.run(book.declared(), "--check")
    assert (code, changed) == (0, 1) and f"create mirror {world.mirror_name}" in printed, printed
    assert world.peerd.rows("SELECT name FROM peers") == [], "--check changes nothing"

    code, changed, printed = book.run(book.declared())
    assert (code, changed) == (0, 1), printed
    world.wait_state("RUNNING")
    assert world.settle_and_compare() == 200
    started = world.mirror()["created_at"]
    code, changed, printed = book.run(book.declared())
    assert (code, changed) == (0, 0), printed

    code, changed, printed = book.run(book.declared(tables=("public.items", "public.other"), max_batch_size=500))
    assert (code, changed) == (0, 1) and f"update mirror {world.mirror_name}" in printed, printed
    world.wait_state("RUNNING")
    assert world.settle_and_compare() == 220 and world.mirror()["created_at"] == started

    # What cannot be is refused in peerd's words, before anything else is done, and no secret is shown.
    wanted = book.declared(tables=("public.items", "public.other"), soft_delete_col_name="gone")
    wanted["peerd_peers"][1]["peer"]["postgres_config"]["connect_timeout"] = 7
    code, _, printed = book.run(wanted)
    assert code != 0 and "soft_delete_col_name" in printed, printed
    assert "connect_timeout" not in str(world.peerd.rows("SELECT options FROM peers")), "nothing was done"
    code, _, printed = book.run(book.declared(password="wr0ng-secret"), "-vvv")
    assert code != 0 and "password authentication failed" in printed and "wr0ng-secret" not in printed, printed
    code, _, printed = book.run({**book.declared(), "peerd_password": "n0t-it"})
    assert code != 0 and "password" in printed and "n0t-it" not in printed, printed

    gone = {**book.declared(), "peerd_mirrors": [], "peerd_prune": True}
    code, changed, printed = book.run(gone)
    assert (code, changed) == (0, 1) and world.slots() == [], printed
    assert [row["name"] for row in world.peerd.rows("SELECT name FROM mirrors")] == []


def test_the_manifests_for_kubernetes_fit_peerd(new_world):
    sys.path.append(ansible_dir())
    import yaml
    with open(f"{DEPLOY}/kubernetes.yaml") as file:
        made = {item["kind"]: item for item in yaml.safe_load_all(file)}
    assert set(made) == {"Secret", "PersistentVolumeClaim", "Service", "Deployment"}
    deployment = made["Deployment"]["spec"]
    pod = deployment["template"]["spec"]
    container = pod["containers"][0]
    assert deployment["replicas"] == 1 and deployment["strategy"] == {"type": "Recreate"}
    assert pod["terminationGracePeriodSeconds"] > 10, "peerd stops within ten seconds"
    with open(f"{packages.repository()}/docker/Dockerfile") as file:
        dockerfile = file.read()
    assert f"--uid {pod['securityContext']['runAsUser']}" in dockerfile
    with open(f"{packages.repository()}/docs/settings.md") as file:
        settings = file.read()
    for variable in container["env"]:
        assert f"`{variable['name']}`" in settings, variable
        if "valueFrom" in variable:
            assert variable["valueFrom"]["secretKeyRef"]["key"] in made["Secret"]["stringData"]
    values = {variable["name"]: variable.get("value") for variable in container["env"]}
    assert values["PEERD_DATA_DIR"] == container["volumeMounts"][0]["mountPath"] and f"VOLUME {values['PEERD_DATA_DIR']}" in dockerfile
    exposed = {str(port["containerPort"]) for port in container["ports"]}
    assert exposed == set(re.search(r"^EXPOSE (.*)$", dockerfile, re.M).group(1).split())
    world = new_world("postgres")
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert world.peerd.rest("GET", container[probe]["httpGet"]["path"])[0] == 200
