//! The scripts of the steps around the button, run by bash against a stand-in for the Azure CLI
//! (`tests/node/az.mjs`): what they change, that a second run changes nothing, and what they say.

mod bicep;
mod identities;
mod providers;
mod removal;
mod tables;

use crate::support::Folder;
use crate::support::tools::{node, root};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

const WORKSPACE: &str = "/subscriptions/sub-1/resourceGroups/logs/providers/Microsoft.OperationalInsights/workspaces/ws";
const GRAPH: &str = "00000003-0000-0000-c000-000000000000";
const DEFENDER: &str = "fc780465-2017-40d4-a0c5-307022471b92";

/// Hands a call on to the stand-in: bash alone, because a process for each would take most of the time.
const AZ: &str = r#"#!/bin/bash
exec 3<> "/dev/tcp/127.0.0.1/$AZ_PORT"
printf '%s\0' "$#" "$@" >&3
read -r code <&3
if ((code)); then cat <&3 >&2; else cat <&3; fi
exit "$code"
"#;

/// A tenant and a subscription behind the stand-in, and a copy of `infra/`.
struct Azure {
    child: Child,
    port: String,
    folder: Folder,
}

impl Drop for Azure {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What a script has printed.
struct Printed {
    code: i32,
    out: String,
    errors: String,
}

impl Azure {
    /// Nothing of ours is there, and whoever is signed in may everything.
    fn new() -> Azure {
        let folder = Folder::new();
        let copied = Command::new("cp")
            .args(["-r", "infra"])
            .arg(folder.path())
            .current_dir(root())
            .status();
        assert!(copied.unwrap().success());
        let az = folder.path().join("az");
        std::fs::write(&az, AZ).unwrap();
        std::fs::set_permissions(&az, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::write(folder.path().join("state.json"), beginning().to_string()).unwrap();
        let mut command = Command::new("node");
        command.arg(node().join("az.mjs")).stdout(Stdio::piped());
        command.env("AZ_STATE", folder.path().join("state.json"));
        command.env("AZ_LOG", folder.path().join("log"));
        let mut child = command.spawn().expect("Node.js is needed: see README.md");
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Azure { child, port: port.trim().to_owned(), folder }
    }

    fn state(&self) -> Value {
        let text = std::fs::read_to_string(self.folder.path().join("state.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// Changes what is there, or what whoever is signed in may.
    fn change(&self, change: impl FnOnce(&mut Value)) {
        let mut state = self.state();
        change(&mut state);
        std::fs::write(self.folder.path().join("state.json"), state.to_string()).unwrap();
    }

    /// Makes every call that contains these words fail like that.
    fn refuse(&self, at: &str, error: &str) {
        self.change(|state| state["faults"] = json!([{ "at": at, "error": error }]));
    }

    /// Runs one of the scripts to its end.
    fn run(&self, script: &str, arguments: &[&str]) -> Printed {
        let folder = self.folder.path();
        std::fs::remove_file(folder.join("log")).ok();
        let path = format!("{}:{}", folder.display(), path());
        let mut command = Command::new("bash");
        command.arg(folder.join("infra").join(script)).args(arguments);
        command.env("PATH", path).env("POSTURE_STEP_SECONDS", "0");
        command.env("AZ_PORT", &self.port);
        let output = command.output().unwrap();
        for call in self.calls() {
            let asks = ["get-access-token", "listKeys", "keys", "keyvault secret", "password"];
            let call = call.join(" ");
            assert!(!asks.iter().any(|secret| call.contains(secret)), "a secret: {call}");
        }
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap();
        Printed { code, out: text(output.stdout), errors: text(output.stderr) }
    }

    /// The calls of the last run, in order.
    fn calls(&self) -> Vec<Vec<String>> {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Those of them that change something.
    fn writes(&self) -> Vec<String> {
        let reads = ["GET", "show", "list", "download"];
        let is_read = |call: &Vec<String>| call.iter().any(|word| reads.contains(&word.as_str()));
        self.calls().iter().filter(|call| !is_read(call)).map(|call| call.join(" ")).collect()
    }
}

/// The state of a tenant that has the products, every API with its app roles.
fn beginning() -> Value {
    let roles = |app: &str| {
        let sets = posture::permissions::json();
        let apis =
            sets.as_object().unwrap().values().flat_map(|set| set["apis"].as_array().unwrap());
        let own = apis.filter(|api| api["appId"] == app);
        let roles = own.flat_map(|api| api["appRoles"].as_array().unwrap());
        roles.map(|role| role["id"].clone()).collect::<Vec<_>>()
    };
    json!({
        "account": { "tenantId": "11111111-2222-3333-4444-555555555555", "id": "sub-1" },
        "cloud": "AzureCloud",
        "graph": "https://graph.microsoft.com",
        "login": "https://login.microsoftonline.com",
        "manager": "https://management.azure.com",
        "workspace": WORKSPACE,
        "mayGrant": true, "mayMake": true, "mayRegister": true,
        "lag": 0,
        "groups": {}, "identities": {}, "certificates": {}, "tables": {},
        "assignments": [], "applications": [], "deleted": [], "dropped": [], "resources": [],
        "roles": [], "functions": [], "deletedVaults": [],
        "principals": [
            { "id": "graph", "appId": GRAPH, "roles": roles(GRAPH) },
            { "id": "defender", "appId": DEFENDER, "roles": roles(DEFENDER) },
        ],
    })
}

#[expect(clippy::disallowed_methods, reason = "bash and node are wherever they are")]
fn path() -> String {
    std::env::var("PATH").unwrap()
}

/// Ids of the app roles of a set that `fits`.
fn ids(set: &str, fits: impl Fn(&Value) -> bool) -> Vec<String> {
    let sets = posture::permissions::json();
    let apis = sets[set]["apis"].as_array().unwrap();
    let roles = apis.iter().flat_map(|api| api["appRoles"].as_array().unwrap());
    let mut ids: Vec<_> = roles.filter(|role| fits(role)).map(|role| text(&role["id"])).collect();
    ids.sort();
    ids
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn every_script_is_sound_to_bash_and_executable() {
    for script in ["grant.sh", "tables.sh", "remove.sh"] {
        let path = root().join("infra").join(script);
        let mode = path.metadata().unwrap().permissions().mode();

        let checked = Command::new("bash").arg("-n").arg(&path).status().unwrap();

        assert!(checked.success() && mode & 0o111 == 0o111, "{script}");
    }
}

#[test]
fn nobody_signed_in_is_said_in_one_line() {
    for (script, arguments) in [
        ("grant.sh", vec!["--resource-group", "rg"]),
        ("tables.sh", vec!["upgrade", "--workspace", WORKSPACE]),
        ("remove.sh", vec!["--resource-group", "rg"]),
    ] {
        let azure = Azure::new();
        azure.change(|state| state["account"] = Value::Null);

        let printed = azure.run(script, &arguments);

        assert_eq!((printed.code, printed.errors.lines().count()), (1, 1), "{}", printed.errors);
        assert!(printed.errors.contains("nobody is signed in: az login"), "{}", printed.errors);
    }
}
