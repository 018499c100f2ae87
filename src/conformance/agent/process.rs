//! One agent as a child process, and what it needs to log in.

use crate::conformance::{Answer, Checked, Lab, Stop};
use crate::machine::ChildProcess;
use rustix::process::Signal;
use serde_json::json;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// To start, to log in and to render, on a machine with other things to do.
pub const RENDERS_WITHIN: Duration = Duration::from_secs(25);

/// An agent of a case's own; it ends with this.
pub struct Agent {
    lab: Lab,
    process: ChildProcess,
    folder: PathBuf,
}

/// How an agent logs in.
pub struct Method {
    pub kind: &'static str,
    /// The method's mount below `auth/`.
    pub mount: String,
    /// Its settings, a line each, in the configuration's language.
    pub settings: String,
}

impl Lab {
    /// Starts an agent beside the node that is asked. `more` is a sink or templates; relative paths in it are in the agent's
    /// folder.
    pub fn agent(&self, method: &Method, more: &str) -> Checked<Agent> {
        let folder = self.folder()?;
        let authority = self.ca_file().map(|path| format!("  ca_cert = {:?}\n", path.display().to_string()));
        let config = format!(
            "vault {{\n  address = {:?}\n{}  retry {{\n    num_retries = 12\n  }}\n}}\n\
             auto_auth {{\n  method {{\n    type = {:?}\n    mount_path = \"auth/{}\"\n    config = {{\n{}\n    }}\n  }}\n  \
             sink {{\n    type = \"file\"\n    config = {{\n      path = {:?}\n    }}\n  }}\n}}\n\
             template_config {{\n  static_secret_render_interval = \"1s\"\n}}\n{more}\n",
            self.node().endpoint.url,
            authority.unwrap_or_default(),
            method.kind,
            method.mount,
            method.settings,
            folder.join("token").display().to_string(),
        );
        fs::write(folder.join("agent.hcl"), config).map_err(Stop::broken)?;
        let log = private_file(&folder.join("agent.log")).map_err(Stop::broken)?;
        let mut command = Command::new(self.server_program()?);
        command
            .args(["agent", "-config=agent.hcl"])
            .stdout(log.try_clone().map_err(Stop::broken)?)
            .stderr(log)
            // What the person has set up for a client of their own is nothing to it.
            .env_clear()
            .env("HOME", &folder)
            .current_dir(&folder);
        let process = ChildProcess::spawn(command, Signal::KILL).map_err(Stop::broken)?;
        Ok(Agent { lab: self.clone(), process, folder })
    }

    /// An AppRole of this case's own with this policy, as files for an agent to log in with. `secret_id` takes the place of
    /// the right one.
    pub async fn approle_for_agent(&self, policy: &str, secret_id: Option<&str>) -> Checked<Method> {
        let quiet = self.quietly();
        let path = quiet.auth("approle", "approle", json!({})).await?;
        let role = format!("auth/{path}/role/service");
        let body = json!({ "token_policies": policy, "token_ttl": "1h", "token_max_ttl": "4h" });
        quiet.post(&role, body).await?.succeeds()?;
        let role_id = quiet.get(&format!("{role}/role-id")).await?.text("/data/role_id")?;
        let right = quiet.post(&format!("{role}/secret-id"), json!({})).await?.text("/data/secret_id")?;
        self.write("role-id", &role_id)?;
        self.write("secret-id", secret_id.unwrap_or(&right))?;
        let settings = "role_id_file_path = \"role-id\"\nsecret_id_file_path = \"secret-id\"".to_owned();
        Ok(Method { kind: "approle", mount: path, settings })
    }

    /// Writes a file for an agent, for nobody else to read.
    pub fn write(&self, name: &str, text: &str) -> Checked<PathBuf> {
        let path = self.folder()?.join(name);
        private_file(&path).and_then(|mut file| file.write_all(text.as_bytes())).map_err(Stop::broken)?;
        Ok(path)
    }
}

fn private_file(path: &Path) -> std::io::Result<fs::File> {
    OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)
}

/// A template of one line, rendered into `file`.
pub fn template(line: &str, file: &str) -> String {
    format!("template {{\n  contents = <<EOT\n{line}EOT\n  destination = {file:?}\n  perms = \"0600\"\n}}\n")
}

/// A template of one field of a KV version 2 secret.
pub fn kv_template(path: &str, field: &str, file: &str) -> String {
    template(&format!("{{{{ with secret {path:?} }}}}{{{{ .Data.data.{field} }}}}{{{{ end }}}}\n"), file)
}

impl Agent {
    /// A file of it, once it is there.
    pub fn file(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(name)).ok()
    }

    /// A rendered file, to be looked at: cases choose what stands in it.
    pub fn rendered(&self, name: &str) -> Answer {
        let text = self.file(name);
        self.lab.seen(
            &format!("the rendered file {name}"),
            json!({ "there": text.is_some(), "text": text.map(|text| text.trim().to_owned()) }),
        )
    }

    /// Whether the agent says these words in its log, whatever their capitals.
    pub fn says(&self, words: &str) -> Answer {
        let log = self.file("agent.log").unwrap_or_default().to_lowercase();
        let said = if log.contains(&words.to_lowercase()) { "yes" } else { "not yet" };
        self.lab.seen("the agent's log", json!({ "said": said }))
    }

    /// Whether it runs; what it says to that is not shown, since secrets may stand in it.
    pub fn runs(&mut self) -> Answer {
        let ended = self.process.ended();
        self.lab.seen("the agent's process", json!({ "running": ended.is_none() }))
    }

    /// Waits until the file has this text.
    pub async fn renders(&self, name: &str, text: &str) -> Checked {
        self.lab
            .eventually(RENDERS_WITHIN, || async { self.rendered(name).has("/text", text).map(drop) })
            .await
    }
}
