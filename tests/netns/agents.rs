//! How agents come and go, and what they leave.

use super::lab::{Lab, NODES, eventually, printed};
use super::links::on_runtime;
use libtest_mimic::Failed;
use std::collections::BTreeSet;
use std::process::Command;
use vaultquake::model::{Cut, Grudge, LinkMap, NodeId};

/// n1 hears nobody.
fn deaf() -> LinkMap {
    let others: BTreeSet<_> = ["n2", "n3"].map(NodeId::new).into();
    LinkMap::of_grudge(&Grudge::from([(NodeId::new("n1"), others)]), Cut::BlackHole)
}

fn signal(name: &str, pid: u32) -> Result<(), Failed> {
    printed("kill", Command::new("kill").args([format!("-{name}"), pid.to_string()]).output()?).map(drop)
}

async fn hears(controller: &vaultquake::netns::Controller) -> Result<bool, Failed> {
    Ok(controller.probe(&NodeId::new("n2"), &NodeId::new("n1")).await?.arrived > 0)
}

pub fn killed(lab: Lab) -> Result<(), Failed> {
    on_runtime(async {
        let controller = lab.controller().await?;
        controller.set(&deaf()).await?;
        let n1 = lab.at("n1");
        let [agent] = n1.agents()[..] else { return Err(format!("agents: {:?}", n1.agents()).into()) };
        signal("KILL", agent)?;
        eventually("it is gone", || n1.agents().is_empty());
        let tables = n1.run("nft list tables")?;
        assert_eq!(tables.lines().collect::<Vec<_>>(), ["table inet vaultquake"]);

        // The next change brings another, which begins with a table of its own.
        controller.set(&deaf()).await?;
        assert!(!hears(&controller).await?);
        controller.set(&LinkMap::default()).await?;
        assert!(hears(&controller).await?);
        assert!(!controller.show(&NodeId::new("n1")).await?.contains("drop"));
        controller.leave().await;
        assert_eq!(n1.run("nft list ruleset")?, "");
        Ok(())
    })
}

pub fn gone(lab: Lab) -> Result<(), Failed> {
    on_runtime(async {
        let rules = |name: &str| lab.at(name).run("nft list ruleset");
        // Its rules may change under other hands while we look; that a table of ours came can only be our doing.
        let host = || printed("nft", Command::new("nft").args(["list", "tables"]).output()?);
        lab.at("n1").run("nft add table inet filter")?;
        lab.at("n1").run("nft add chain inet filter input { type filter hook input priority 0 ; }")?;
        lab.at("n1").run("nft add rule inet filter input tcp dport 9 drop")?;
        let (ours, theirs) = (rules("n1")?, host()?);

        let controller = lab.controller().await?;
        controller.set(&deaf()).await?;
        let disturbed = rules("n1")?;
        assert!(disturbed.contains(ours.trim()), "{disturbed}");
        assert!(disturbed.contains("table inet vaultquake"), "{disturbed}");
        assert_eq!(host()?, theirs);
        // As when the harness is killed: nobody says that it is over.
        drop(controller);
        eventually("the agents are gone", || NODES.iter().all(|name| lab.at(name).agents().is_empty()));
        assert_eq!((rules("n1")?, rules("n2")?, host()?), (ours.clone(), String::new(), theirs));

        let controller = lab.controller().await?;
        controller.set(&deaf()).await?;
        signal("TERM", lab.at("n1").agents()[0])?;
        eventually("it is gone", || lab.at("n1").agents().is_empty());
        assert_eq!(rules("n1")?, ours);
        controller.leave().await;
        Ok(())
    })
}

pub fn restarted(mut lab: Lab) -> Result<(), Failed> {
    on_runtime(async {
        let controller = lab.controller().await?;
        controller.set(&deaf()).await?;
        lab.restart("n1")?;
        let began = std::time::Instant::now();
        let at = controller.attend(&NodeId::new("n1"), lab.at("n1").entrance()).await?;
        eprintln!("cut off again {:.1} ms after it was there", (at - began).as_secs_f64() * 1e3);
        assert!(!hears(&controller).await?);
        controller.set(&LinkMap::default()).await?;
        assert!(hears(&controller).await?);
        controller.leave().await;
        Ok(())
    })
}
