//! The safety guard: which cluster the nodes say they are, against the one that the attach file gives up.
//! Looks, and changes nothing.

use crate::cluster::Node;
use crate::model::NodeId;
use crate::vault::Client;
use reqwest::Method;
use std::time::Duration;

/// Whether the cluster may be harmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Every node that says which cluster it is of names the disposable one.
    Disposable,
    /// The attach file gives up no cluster: says what to write.
    NotDisposable(String),
    /// A node is of another cluster: names both, and says what to write.
    Mismatch(String),
    /// No node says which cluster it is of.
    Silent,
}

const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// The `cluster_id` of each node's `sys/health`; `None` when it does not answer, or is sealed.
pub async fn ask_cluster_ids(nodes: &[Node]) -> Vec<(NodeId, Option<String>)> {
    let asked = nodes.iter().map(|node| async {
        let health = health(node).await;
        let id = health.and_then(|body| body["cluster_id"].as_str().map(str::to_owned));
        (node.id.clone(), id.filter(|id| !id.is_empty()))
    });
    futures_util::future::join_all(asked).await
}

/// The body of `sys/health`, whatever its status.
pub async fn health(node: &Node) -> Option<serde_json::Value> {
    let client = Client::new(&node.endpoint).ok()?;
    let answer = tokio::time::timeout(ANSWER_WITHIN, client.call(Method::GET, "sys/health", None)).await;
    Some(answer.ok()?.ok()?.body)
}

/// Compares exactly: an id that is nearly right is another cluster's.
pub fn judge(disposable: Option<&str>, said: &[(NodeId, Option<String>)]) -> Standing {
    let mut ids = said.iter().filter_map(|(node, id)| Some((node, id.as_deref()?)));
    let Some(disposable) = disposable else {
        let line = ids.next().map_or("disposable: <cluster_id of sys/health>".to_owned(), |(_, id)| {
            format!("disposable: {id}")
        });
        return Standing::NotDisposable(format!(
            "the attach file names no disposable cluster, so nothing destructive is done to this one; \
             if it may be harmed, write `{line}`"
        ));
    };
    let mut seen = false;
    for (node, id) in ids {
        if id != disposable {
            return Standing::Mismatch(format!(
                "the attach file says `disposable: {disposable}`, but {node} is of cluster {id}, so nothing \
                 is done; attach to the right cluster, or, if this one may be harmed, write `disposable: {id}`"
            ));
        }
        seen = true;
    }
    if seen { Standing::Disposable } else { Standing::Silent }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(ids: &[Option<&str>]) -> Vec<(NodeId, Option<String>)> {
        let node = |(number, id): (usize, &Option<&str>)| {
            (NodeId::new(format!("n{}", number + 1)), id.map(str::to_owned))
        };
        ids.iter().enumerate().map(node).collect()
    }

    #[test]
    fn only_the_named_cluster_is_disposable() {
        assert_eq!(judge(Some("a"), &said(&[Some("a"), None, Some("a")])), Standing::Disposable);
        assert_eq!(judge(Some("a"), &said(&[None, None])), Standing::Silent);
    }

    #[test]
    fn one_foreign_node_is_enough_and_both_ids_are_named() {
        let Standing::Mismatch(text) = judge(Some("a1"), &said(&[Some("a1"), Some("b2")])) else { panic!() };
        assert!(text.contains("`disposable: a1`") && text.contains("n2 is of cluster b2"), "{text}");
        assert!(text.contains("write `disposable: b2`"), "{text}");
        for nearly in ["A1", "a1 ", "a", ""] {
            assert!(matches!(judge(Some(nearly), &said(&[Some("a1")])), Standing::Mismatch(_)), "{nearly:?}");
        }
    }

    #[test]
    fn without_the_line_nothing_is_and_the_line_is_shown() {
        let Standing::NotDisposable(text) = judge(None, &said(&[None, Some("b2")])) else { panic!() };
        assert!(text.contains("`disposable: b2`"), "{text}");
    }
}
