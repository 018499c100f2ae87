//! The report as one HTML file: no script, no network, readable where the style sheet is dropped. Templates
//! decide what stands where; everything that comes from outside is escaped by the template engine.

use super::{chart, plain, view};
use crate::model::{Picture, RunResult};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Value, context};

const TEMPLATES: [(&str, &str); 11] = [
    ("macros.html", include_str!("templates/macros.html")),
    ("report.html", include_str!("templates/report.html")),
    ("verdict.html", include_str!("templates/verdict.html")),
    ("alerts.html", include_str!("templates/alerts.html")),
    ("rehearsal.html", include_str!("templates/rehearsal.html")),
    ("promises.html", include_str!("templates/promises.html")),
    ("pictures.html", include_str!("templates/pictures.html")),
    ("failover.html", include_str!("templates/failover.html")),
    ("network.html", include_str!("templates/network.html")),
    ("tables.html", include_str!("templates/tables.html")),
    ("environment.html", include_str!("templates/environment.html")),
];
const STYLE: &str = include_str!("templates/style.css");

/// The whole report as one HTML page.
pub fn html(result: &RunResult, picture: &Picture) -> String {
    let style = format!("{}{STYLE}", chart::style_sheet());
    let view = view::view(result, picture);
    let page = render(&context! { style => Value::from_safe_string(style), ..Value::from(Serde(view)) })
        // Templates are compiled in and tests render them; should one fail all the same, the reader is told.
        .unwrap_or_else(|problem| fallback(result, &problem.to_string()));
    plain::visible_lines(&page)
}

fn render(context: &Value) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.add_filter("unbroken", |text: &str| plain::unbroken(text));
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    for (name, template) in TEMPLATES {
        environment.add_template(name, template)?;
    }
    environment.get_template("report.html")?.render(context)
}

fn fallback(result: &RunResult, problem: &str) -> String {
    let text = super::terminal(result, false);
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Vaultquake report</title>\
         </head>\n<body>\n<p>The page could not be laid out ({}); this is the text report.</p>\n\
         <pre>{}</pre>\n</body>\n</html>\n",
        escape(problem),
        escape(&text)
    )
}
