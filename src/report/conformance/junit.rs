//! A suite a server and a case a case. A surprise is `<failure>`, our trouble is `<error>`, what is not judged or not
//! applicable is `<skipped>`.

use super::detail;
use crate::model::{CaseResult, ConformanceResult, Standing};
use crate::report::junit::written;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

pub fn junit(result: &ConformanceResult) -> String {
    let mut report = Report::new("vaultquake conform");
    report.set_time(seconds(result.duration_ms));
    for server in &result.servers {
        let name = format!("{} {}", server.server.product, server.server.version);
        let mut suite = TestSuite::new(name.as_str());
        for case in &server.cases {
            suite.add_test_case(test_case(&name, case));
        }
        report.add_test_suite(suite);
    }
    written(&report)
}

fn test_case(server: &str, case: &CaseResult) -> TestCase {
    let (standing, detail) = (case.standing(), detail(case));
    let mut status = match standing {
        Standing::Conforms | Standing::KnownDivergence => TestCaseStatus::success(),
        Standing::Unexpected | Standing::Vanished => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Standing::Broken => TestCaseStatus::non_success(NonSuccessKind::Error),
        Standing::NotApplicable | Standing::NotJudged => TestCaseStatus::skipped(),
    };
    let passed = matches!(status, TestCaseStatus::Success { .. });
    if !passed {
        status.set_type(standing.words()).set_message(detail.as_str());
        status.set_description(format!("{}\n{detail}\nsource: {}", case.meaning, case.source));
    }
    let mut written = TestCase::new(case.id.as_str(), status);
    written.set_classname(server).set_time(seconds(case.took_ms));
    if passed {
        written.set_system_out(format!("{}\n{detail}", case.meaning).trim_end());
    }
    written
}

fn seconds(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1e3).unwrap_or_default()
}
