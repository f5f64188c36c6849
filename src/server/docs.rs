//! The description as a page: made of the same table, with nothing from elsewhere.

use std::sync::LazyLock;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use super::api;
use super::html::{escape_html, html};
use super::problem_codes::CODES;

/// A sentence, with what stands in backquotes as code.
pub(super) fn prose(text: &str) -> String {
    let mut html = String::new();
    let parser = pulldown_cmark::Parser::new_ext(text, pulldown_cmark::Options::ENABLE_TABLES);
    pulldown_cmark::html::push_html(&mut html, parser);
    html
}

/// The filter language, and what can be sorted by.
fn filters() -> String {
    let whole = include_str!("../../docs/filters.md");
    let language = whole.split("\n## ").next().unwrap_or_default();
    let language = language.split_once('\n').map_or(language, |(_, rest)| rest);
    let sorted: Vec<String> =
        estate::Column::all().map(|column| format!("`{}`", column.name())).collect();
    let names = "The names of a SIM's fields above are read too, `used_bytes>5000000`, and the identifiers as they are, \
                 `id=sim_4711`.";
    prose(&format!(
        "{language}\n\n{names}\n\n`sort` takes up to four of {}, or a SIM's fields, each with `:asc` or `:desc`.",
        sorted.join(" ")
    ))
}

/// Every code a problem can have.
fn problems() -> String {
    let row = |(code, status, about): (&str, &str, &str)| {
        format!(
            "<tr id=\"problem-{code}\"><th scope=row><code>{code}</code><td>{status}<td>{}",
            prose(about)
        )
    };
    CODES.into_iter().map(row).collect()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// What something is, in a word: a type, or the name of a schema that is described below.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    if let Some(some) = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()) {
        return some.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    if let Some(item) = schema["properties"]["items"].as_object() {
        return format!("page of {}", kind(&item["items"]));
    }
    let one = match &schema["type"] {
        Value::String(one) => one.clone(),
        Value::Array(several) => {
            several.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or ")
        }
        _ => "any".to_owned(),
    };
    let words = schema["enum"]
        .as_array()
        .map(|words| words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "));
    match (one.as_str(), words) {
        ("array", _) => format!("list of {}", kind(&schema["items"])),
        (_, Some(words)) => escape_html(&words),
        ("integer", None) if schema["maximum"].is_u64() => {
            format!("{} to {}", schema["minimum"], schema["maximum"])
        }
        _ => one,
    }
}

fn rows(about: &str, rows: impl Iterator<Item = (String, String, String)>) -> String {
    let rows: String = rows
        .map(|(name, kind, about)| format!("<tr><th scope=row><code>{name}</code><td>{kind}<td>{about}"))
        .collect();
    if rows.is_empty() { rows } else { format!("<table><caption>{about}</caption>{rows}</table>") }
}

fn operation(path: &str, method: &str, operation: &Value) -> String {
    let parameters = operation["parameters"].as_array().into_iter().flatten().map(|parameter| {
        let needed = if parameter["required"] == true { " (needed)" } else { "" };
        let about = prose(text(parameter, "description"));
        let kind = format!("{}, {}{needed}", kind(&parameter["schema"]), text(parameter, "in"));
        (escape_html(text(parameter, "name")), kind, about)
    });
    let body: String = operation["requestBody"]["content"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(media, content)| {
            let example = serde_json::to_string_pretty(&content["example"]).unwrap_or_default();
            let example = if content["example"].is_null() {
                String::new()
            } else {
                let lines: Vec<String> = example.lines().map(escape_html).collect();
                format!("<pre>{}</pre>", lines.join("\n"))
            };
            let about = prose(text(&content["schema"], "description"));
            format!("<p>Body: {} as <code>{media}</code>. {about}{example}", kind(&content["schema"]))
        })
        .collect();
    let answers = operation["responses"].as_object().into_iter().flatten().map(|(status, answer)| {
        let kinds: Vec<String> = answer["content"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(_, content)| kind(&content["schema"]))
            .collect();
        (status.clone(), kinds.join(", "), prose(text(answer, "description")))
    });
    format!(
        "<h3 id=\"{}\">{}</h3><p><code>{} {path}</code><p>{}{}{body}{}",
        text(operation, "operationId"),
        escape_html(text(operation, "summary")),
        method.to_uppercase(),
        prose(text(operation, "description")),
        rows("Parameters", parameters),
        rows("Answers", answers)
    )
}

fn schema(name: &str, schema: &Value) -> String {
    let fields =
        schema["properties"].as_object().into_iter().flatten().map(|(field, kind_of)| {
            (escape_html(field), kind(kind_of), prose(text(kind_of, "description")))
        });
    format!(
        "<h3 id=\"schema-{name}\">{name}</h3><p>{}{}",
        prose(text(schema, "description")),
        rows("Fields", fields)
    )
}

/// The page.
pub(super) async fn page() -> Response {
    static BODY: LazyLock<String> = LazyLock::new(body);
    html(StatusCode::OK, "The API", &BODY)
}

fn body() -> String {
    let spec = serde_json::to_value(api::description()).unwrap_or_default();
    let paths = spec["paths"].as_object().into_iter().flatten();
    let all: Vec<(&str, &str, &Value)> = paths
        .flat_map(|(path, item)| {
            item.as_object()
                .into_iter()
                .flatten()
                .map(|(method, op)| (path.as_str(), method.as_str(), op))
        })
        .collect();
    let mut body = prose(text(&spec["info"], "description"));
    let anchor = |tag: &str| tag.to_lowercase().replace(' ', "-");
    body.push_str("<nav>");
    for (tag, _) in api::TAGS {
        body.push_str(&format!("<a href=\"#{}\">{tag}</a>", anchor(tag)));
    }
    body.push_str("<a href=\"#objects\">Objects</a> <a href=\"#filters\">Filters</a> <a href=\"#problems\">Problems</a> <a href=\"/openapi.json\">openapi.json</a></nav>");
    for (tag, about) in api::TAGS {
        body.push_str(&format!("<h2 id=\"{}\">{tag}</h2><p>{}", anchor(tag), prose(about)));
        for (path, method, op) in all.iter().filter(|(.., op)| op["tags"][0] == tag) {
            body.push_str(&operation(path, method, op));
        }
    }
    body.push_str("<h2 id=objects>Objects</h2>");
    for (name, object) in spec["components"]["schemas"].as_object().into_iter().flatten() {
        body.push_str(&schema(name, object));
    }
    body.push_str(&format!("<h2 id=filters>Filters and sorting</h2>{}", filters()));
    body.push_str(&format!("<h2 id=problems>Problems</h2><table>{}</table>", problems()));
    body
}
