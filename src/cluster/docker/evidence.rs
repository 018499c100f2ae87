//! What is seen of a container and of its address, in words.

use crate::cluster::Node;
use crate::docker::ContainerState;
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;

/// Behind a bridge nobody refuses a connection once the container's network is gone.
const CONNECT_WITHIN: Duration = Duration::from_millis(250);

/// The number means this process only where we see the processes of the engine's machine.
pub(super) fn visible_pid(state: &ContainerState) -> Option<u32> {
    let is_its = |pid: &u32| {
        std::fs::read_to_string(format!("/proc/{pid}/cgroup")).is_ok_and(|text| text.contains(&state.id))
    };
    state.pid.filter(is_its)
}

pub(super) fn in_words(state: &ContainerState) -> String {
    let id = state.short_id();
    match state {
        ContainerState { running: true, paused: true, .. } => format!("container {id} is frozen"),
        ContainerState { running: true, .. } => format!("container {id} is running"),
        ContainerState { exit_code, out_of_memory, error, .. } => {
            // 128 and the number of the signal, as shells have it.
            let memory = if *out_of_memory { ", out of memory" } else { "" };
            let error = if error.is_empty() { String::new() } else { format!(", {error}") };
            format!("container {id} ended with exit code {exit_code}{memory}{error}")
        }
    }
}

/// How the node's port answers now.
pub(super) async fn connecting(node: &Node) -> &'static str {
    match tokio::time::timeout(CONNECT_WITHIN, TcpStream::connect(node.endpoint.address)).await {
        Ok(Ok(_)) => "still accepts connections",
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => "refuses connections",
        Ok(Err(_)) => "cannot be reached",
        Err(_) => "does not answer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_told_with_all_that_matters() {
        let state = ContainerState { id: "0123456789abcdef".into(), ..ContainerState::default() };
        let said = |state: ContainerState| in_words(&state);
        assert_eq!(
            said(ContainerState { exit_code: 137, out_of_memory: true, ..state.clone() }),
            "container 0123456789ab ended with exit code 137, out of memory"
        );
        assert_eq!(
            said(ContainerState { running: true, ..state.clone() }),
            "container 0123456789ab is running"
        );
        assert_eq!(
            said(ContainerState { running: true, paused: true, ..state }),
            "container 0123456789ab is frozen"
        );
    }

    #[test]
    fn only_the_containers_own_process_counts() {
        let state = |id: &str| ContainerState {
            id: id.to_owned(),
            pid: Some(std::process::id()),
            ..ContainerState::default()
        };
        assert_eq!(visible_pid(&state("0123456789abcdef")), None, "this test is in no such container");
    }
}
