//! One table says what can be asked for: what answers it, and what is written of it (`OpenAPI`
//! 3.1).

use std::collections::BTreeMap;

use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};
use serde_json::{Value as Json, json};
use utoipa::ToSchema;
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{Object, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ComponentsBuilder, Content, ContentBuilder, HeaderBuilder, InfoBuilder, LicenseBuilder, OpenApi,
    OpenApiBuilder, PathsBuilder, Ref, RefOr, Required, Response, ResponseBuilder,
};

use super::AppState;
use super::body::Large;
use super::shapes;

/// What signs a request.
const BEARER: &str = "token";
/// What a problem is sent as.
const PROBLEM: &str = "application/problem+json";

/// Headers an answer may have, by its status.
const HEADERS: [(u16, &[(&str, &str)]); 7] = [
    (
        200,
        &[
            ("ETag", "The tag of an object's state."),
            ("Link", "Where the next page of a list is (`rel=\"next\"`)."),
        ],
    ),
    (201, &[("ETag", "The tag of what was made."), ("Location", "Where it is.")]),
    (202, &[("Location", "Where the operation is.")]),
    (304, &[("ETag", "The tag it still has.")]),
    (412, &[("ETag", "The tag it has now.")]),
    (429, &[("Retry-After", "In how many seconds to try again.")]),
    (503, &[("Retry-After", "In how many seconds to try again.")]),
];

type Named = (String, RefOr<Schema>);

/// One thing that can be asked for.
pub(super) struct Route {
    path: &'static str,
    method: HttpMethod,
    handler: MethodRouter<AppState>,
    signed: bool,
    tag: &'static str,
    operation: OperationBuilder,
    answers: BTreeMap<u16, Response>,
    schemas: Vec<Named>,
}

fn text() -> Object {
    Object::with_type(Type::String)
}

fn problem(about: &str) -> Response {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new().description(about).content(PROBLEM, content).build()
}

impl Route {
    fn new<H, T>(method: HttpMethod, filter: MethodFilter, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        let mut route = Self {
            path,
            method,
            handler: on(filter, handler),
            signed: true,
            tag: "",
            operation: OperationBuilder::new(),
            answers: BTreeMap::new(),
            schemas: Vec::new(),
        };
        for part in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            let about = match part {
                "link" => "How the link ends.",
                "code" => "The code of a problem.",
                _ => "Its identifier.",
            };
            let parameter = ParameterBuilder::new().name(part).parameter_in(ParameterIn::Path);
            let parameter =
                parameter.required(Required::True).description(Some(about)).schema(Some(text()));
            route.operation = route.operation.parameter(parameter);
            route = route.fails(404, "There is no such thing, as far as you can know.");
        }
        route
            .fails(400, "A parameter is wrong; `errors` names it.")
            .fails(401, "Not signed in, or not any more.")
            .fails(403, "Your role, or what you signed in with, does not allow it.")
            .fails(429, "Too many requests: `Retry-After` says when to try again.")
            .fails(500, "It failed in a way nobody expected.")
            .fails(503, "Not now: `Retry-After` says when to try again.")
    }

    pub(super) fn get<H: Handler<T, AppState>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new(HttpMethod::Get, MethodFilter::GET, path, handler)
    }

    pub(super) fn post<H: Handler<T, AppState>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new(HttpMethod::Post, MethodFilter::POST, path, handler)
    }

    pub(super) fn with_put<H: Handler<T, AppState>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new(HttpMethod::Put, MethodFilter::PUT, path, handler)
    }

    pub(super) fn patch<H: Handler<T, AppState>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new(HttpMethod::Patch, MethodFilter::PATCH, path, handler)
    }

    pub(super) fn delete<H: Handler<T, AppState>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new(HttpMethod::Delete, MethodFilter::DELETE, path, handler)
    }

    /// What it is called, below which heading, and what it does.
    pub(super) fn with_name(mut self, id: &'static str, tag: &'static str, about: &'static str) -> Self {
        let (summary, rest) = about.split_once('\n').unwrap_or((about, ""));
        let rest = Some(rest.trim()).filter(|rest| !rest.is_empty());
        self.tag = tag;
        self.operation =
            self.operation.operation_id(Some(id)).tag(tag).summary(Some(summary)).description(rest);
        self
    }

    /// Anybody may ask, signed in or not.
    pub(super) fn open(mut self) -> Self {
        self.signed = false;
        for status in [401, 403] {
            self.answers.remove(&status);
        }
        self
    }

    /// A query parameter, and what it is like.
    pub(super) fn with(mut self, name: &'static str, kind: Schema, about: &'static str) -> Self {
        let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Query);
        let parameter = parameter.required(Required::False).description(Some(about)).schema(Some(kind));
        self.operation = self.operation.parameter(parameter);
        self
    }

    /// The parameters of a list that comes page by page.
    pub(super) fn with_paging(self) -> Self {
        let limit = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Integer));
        let limit = limit.minimum(Some(1)).maximum(Some(1_000)).default(Some(json!(100)));
        self.with("limit", limit.build().into(), "How many at most.").with(
            "cursor",
            text().into(),
            "Where the last page ended: its `next_cursor`.",
        )
    }

    /// A header that is sent with it.
    pub(super) fn header(mut self, name: &'static str, required: bool, about: &'static str) -> Self {
        let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Header);
        let required = if required { Required::True } else { Required::False };
        let parameter = parameter.required(required).description(Some(about)).schema(Some(text()));
        self.operation = self.operation.parameter(parameter);
        self
    }

    fn learn<T: ToSchema>(&mut self) -> Ref {
        let mut below = Vec::new();
        T::schemas(&mut below);
        self.schemas.extend(below);
        self.schemas.push((T::name().into_owned(), T::schema()));
        Ref::from_schema_name(T::name())
    }

    /// A body of JSON.
    pub(super) fn takes<T: ToSchema>(mut self, example: Json) -> Self {
        let schema = self.learn::<T>();
        let content = ContentBuilder::new().schema(Some(schema)).example(Some(example)).build();
        self.body("application/json", content)
    }

    /// A body of any JSON object, described in words.
    pub(super) fn takes_object(self, about: &'static str, example: Json) -> Self {
        let schema = ObjectBuilder::new().description(Some(about)).build();
        let content = ContentBuilder::new().schema(Some(schema)).example(Some(example)).build();
        self.body("application/json", content)
    }

    /// A merge patch (RFC 7396).
    pub(super) fn patches<T: ToSchema>(mut self, example: Json) -> Self {
        let schema = self.learn::<T>();
        let content = ContentBuilder::new().schema(Some(schema)).example(Some(example)).build();
        let tag = "The `ETag` of what you have seen, or `*` for whatever it is.";
        self.body("application/merge-patch+json", content)
            .header("If-Match", true, tag)
            .fails(409, "It cannot be made to this as it stands.")
            .fails(412, "It has been changed since; `ETag` is that of now.")
            .fails(428, "`If-Match` is missing.")
    }

    /// A body of some kind.
    pub(super) fn body(mut self, kind: &'static str, content: Content) -> Self {
        let body =
            RequestBodyBuilder::new().required(Some(Required::True)).content(kind, content).build();
        self.operation = self.operation.request_body(Some(body));
        self.fails(413, "The body is too large.")
            .fails(415, "The body is of another kind than is read here.")
            .fails(422, "The body does not fit; `errors` names the place.")
    }

    /// Gives one object.
    pub(super) fn gives<T: ToSchema>(mut self, status: u16, about: &'static str) -> Self {
        let schema = self.learn::<T>();
        self.answers(status, about, "application/json", Content::new(Some(schema)))
    }

    /// Gives a list of them, and where it goes on.
    pub(super) fn lists<T: ToSchema>(mut self, about: &'static str) -> Self {
        let item = self.learn::<T>();
        let next = ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::String, Type::Null]));
        let count = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Integer));
        let list = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Object))
            .property("items", utoipa::openapi::schema::ArrayBuilder::new().items(item))
            .required("items")
            .property(
                "next_cursor",
                next.description(Some("Where the next page begins; null at the end.")),
            )
            .required("next_cursor")
            .property(
                "count",
                count.description(Some("How many there are in all, where `count=exact` asked.")),
            );
        self.answers(200, about, "application/json", Content::new(Some(Schema::Object(list.build()))))
    }

    /// Gives something that is not described as an object.
    pub(super) fn sends(self, status: u16, about: &'static str, kind: &'static str) -> Self {
        let schema = if kind.ends_with("json") { Object::new() } else { text() };
        self.answers(status, about, kind, Content::new(Some(schema)))
    }

    fn answers(mut self, status: u16, about: &'static str, kind: &'static str, content: Content) -> Self {
        let known = self.answers.remove(&status);
        let answer = known.map_or_else(ResponseBuilder::new, ResponseBuilder::from);
        self.answers.insert(status, answer.description(about).content(kind, content).build());
        self
    }

    /// Ends with nothing but a status.
    pub(super) fn ends(mut self, status: u16, about: &'static str) -> Self {
        self.answers.insert(status, Response::new(about));
        self
    }

    /// Fails with a problem.
    pub(super) fn fails(mut self, status: u16, about: &'static str) -> Self {
        self.answers.entry(status).or_insert_with(|| problem(about));
        self
    }

    /// What one can do to one object over time: `ETag` and `If-None-Match`.
    pub(super) fn with_tag(self) -> Self {
        self.header("If-None-Match", false, "An `ETag`: if it is still so, the answer is 304.")
            .ends(304, "It is as you have it.")
    }

    /// A change: it can be refused by how the estate stands.
    pub(super) fn changes(self) -> Self {
        self.fails(409, "It cannot be made to this as it stands.")
    }

    /// Gives JSON of any kind.
    pub(super) fn answers_any(self, status: u16, about: &'static str) -> Self {
        let any = ObjectBuilder::new().schema_type(SchemaType::AnyValue).build();
        self.answers(status, about, "application/json", Content::new(Some(any)))
    }

    /// It takes a large body.
    pub(super) fn large(mut self, most: usize) -> Self {
        self.handler = self.handler.layer(axum::Extension(Large));
        self.with_size(DefaultBodyLimit::max(most))
    }

    /// How large a body it takes.
    pub(super) fn with_size(mut self, most: DefaultBodyLimit) -> Self {
        self.handler = self.handler.layer(most);
        self
    }

    pub(super) fn is_signed(&self) -> bool {
        self.signed
    }

    pub(super) fn parts(self) -> (&'static str, MethodRouter<AppState>) {
        (self.path, self.handler)
    }

    fn describe_routes(mut self) -> (&'static str, HttpMethod, Operation, Vec<Named>) {
        for (status, names) in HEADERS {
            if let Some(answer) = self.answers.remove(&status) {
                let answer = names.iter().fold(ResponseBuilder::from(answer), |answer, (name, about)| {
                    answer.header(
                        *name,
                        HeaderBuilder::new().description(Some(*about)).schema(Some(text())).build(),
                    )
                });
                self.answers.insert(status, answer.build());
            }
        }
        if self.signed {
            self.answers.entry(404).or_insert_with(|| problem("Whom `X-View-As` names is not there."));
        }
        for (status, answer) in std::mem::take(&mut self.answers) {
            self.operation = self.operation.response(status.to_string(), answer);
        }
        if self.signed {
            let scopes: [&str; 0] = [];
            self.operation = self.operation.security(SecurityRequirement::new(BEARER, scopes));
        }
        (self.path, self.method, self.operation.build(), self.schemas)
    }
}

/// Simple kinds of parameters.
pub(super) fn word() -> Schema {
    text().into()
}

pub(super) fn one_of(words: &[&str]) -> Schema {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .enum_values(Some(words.iter().copied()))
        .build()
        .into()
}

pub(super) fn flag() -> Schema {
    one_of(&["true", "false"])
}

/// The whole description.
pub(super) fn openapi(routes: Vec<Route>, tags: &[(&'static str, &'static str)]) -> OpenApi {
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
        "An API token (`simdeck token create`), or what signing in gave (`POST /v1/sessions`).",
    ));
    let mut components = ComponentsBuilder::new()
        .security_scheme(BEARER, SecurityScheme::Http(scheme.build()))
        .schema_from::<shapes::Problem>();
    let mut paths = PathsBuilder::new().build();
    for route in routes {
        let (path, method, operation, schemas) = route.describe_routes();
        components = components.schemas_from_iter(schemas);
        paths.add_path_operation(path, vec![method], operation);
    }
    let info = InfoBuilder::new()
        .title("simdeck")
        .version(env!("CARGO_PKG_VERSION"))
        .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").build()))
        .description(Some(include_str!("about.md")));
    OpenApiBuilder::new()
        .info(info)
        .paths(paths)
        .components(Some(components.build()))
        .tags(Some(
            tags.iter()
                .map(|(name, about)| TagBuilder::new().name(*name).description(Some(*about)).build()),
        ))
        .build()
}
