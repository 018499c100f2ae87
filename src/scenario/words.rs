//! The words and quantities of our files as JSON Schema describes them. Only descriptions: what is accepted is
//! decided where the files are checked.

use crate::model::{INVARIANT_IDS, OBJECTIVE_IDS, Target, Workload};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

macro_rules! word {
    ($type:ident, $name:literal, $schema:expr) => {
        pub(super) struct $type;

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

word!(
    DurationText,
    "duration",
    json_schema!({ "type": "string", "pattern": r"^\s*([0-9.]+(ms|s|m|h|d))+\s*$",
        "description": "A duration with its unit: 250ms, 10s, 1m30s, 1h, 90d." })
);
word!(
    RateText,
    "rate",
    json_schema!({ "type": "string", "pattern": r"^\s*[0-9.]+\s*/\s*(s|m)\s*$",
        "description": "Requests per second or minute: 150/s, 60/m." })
);
word!(
    BoundText,
    "bound",
    json_schema!({ "type": "string", "pattern": r"^\s*(<=|>=|≤|≥|<|>|=)\s*[0-9.]+\s*(ms|s|min|h|%|/s)?\s*$",
        "description": "A comparison, a number and a unit: `< 5 ms`, `>= 99.99 %`, `= 0`." })
);
word!(
    WorkloadText,
    "workload",
    json_schema!({ "enum": Workload::ALL.map(Workload::name), "description": "What one request does." })
);
word!(
    RouteText,
    "route",
    json_schema!({ "type": "string", "pattern": "^(leader|any|standby|healthy|n[1-9][0-9]*)$",
        "description": "How a client chooses the node: leader, any, standby, healthy, or a node id such as n2." })
);
word!(
    TargetText,
    "target",
    json_schema!({ "type": "string",
        "pattern": format!("^({}|n[1-9][0-9]*)$", Target::WORDS[..5].join("|")),
        "description": "Whom the fault is meant for, resolved when it is injected: leader, follower, each, all, \
                        majority, or a node id such as n2." })
);
word!(
    ExpiringText,
    "expiring",
    json_schema!({ "enum": ["token", "lease"],
        "description": "A fresh AppRole token, or the lease behind it." })
);
word!(
    LeaderText,
    "leader",
    json_schema!({ "enum": ["leader"], "description": "Only the leader can step down." })
);
word!(
    ExpectationText,
    "expectation",
    json_schema!({ "enum": expectations(), "description": "An objective or an invariant." })
);
word!(
    NameText,
    "name",
    json_schema!({ "type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "maxLength": 64,
        "description": "Lower-case letters, digits and single hyphens." })
);
word!(
    ObjectiveText,
    "objective",
    json_schema!({ "enum": OBJECTIVE_IDS.map(|(id, _)| id), "description": "Which figure is promised." })
);
word!(
    InvariantText,
    "invariant",
    json_schema!({ "enum": INVARIANT_IDS.map(|(id, _)| id), "description": "Which invariant is violated." })
);

/// Every id that `expect` knows.
pub(super) fn expectations() -> Vec<&'static str> {
    OBJECTIVE_IDS.iter().chain(&INVARIANT_IDS).map(|(id, _)| *id).collect()
}
