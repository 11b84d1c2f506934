//! The routes as a page for people: `docs/routes.md`.

use super::of_query;
use crate::routes::{Door, Route, all};
use std::fmt::Write;

/// Every route with its parameters and answers.
pub fn page() -> String {
    let mut page = "# Routes\n\nWritten by `posture describe`; [api.md](api.md) says who may call, which \
                    forms answers have, how lists come by pages and what errors look like. Each route below \
                    `/api` is also there below `/api/caller`, for callers by identity; those below \
                    `/api/response` for the ones that may ask for actions, but PATCH.\n"
        .to_owned();
    for route in all() {
        // Writing to a text can't fail.
        let _ = write(&mut page, route);
    }
    page
}

fn write(page: &mut String, route: &Route) -> std::fmt::Result {
    let Route { method, path, about, .. } = route;
    writeln!(page, "\n## `{method} /api/{path}`\n\n{about}.\n")?;
    let by = match route.door() {
        Door::Action if route.method == "PATCH" => "the key of `function_action`",
        Door::Action => {
            "the key of `function_action`, or an identity that may act below `/api/caller`"
        }
        _ => "the key of `function_http`, or an identity below `/api/caller`",
    };
    let statuses: Vec<_> = route.statuses.iter().map(u16::to_string).collect();
    writeln!(page, "Called with {by}. Answers {} as {}.", statuses.join(" or "), forms(route))?;
    if route.body.is_some() {
        writeln!(page, "Its body is JSON; the OpenAPI description has its fields.")?;
    }
    let parameters = of_query(route);
    if !parameters.is_empty() {
        writeln!(page, "\n| query | |\n| --- | --- |")?;
    }
    for parameter in parameters {
        writeln!(page, "| `{}` | {} |", parameter.name, parameter.about.replace('|', "\\|"))?;
    }
    Ok(())
}

fn forms(route: &Route) -> String {
    let usual = if route.media == "text/html" { "HTML" } else { "JSON" };
    let mut forms = vec![usual];
    if route.has_comment {
        forms.extend(["incident comment (HTML, Markdown)"]);
    }
    if route.has_rows {
        forms.push("CSV");
    }
    forms.join(", ")
}
