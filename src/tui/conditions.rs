//! A filter as conditions: rows of field, verb and value in groups, for the builder; and the parts
//! it shows as chips. Pure.

use estate::filter::suggest::quote;
use estate::{Field, Filter, Op, Shape, Term, Value};

/// How a condition compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the labels say it")]
pub enum Verb {
    Under,
    At,
    Contains,
    Is,
    IsNot,
    Less,
    AtMost,
    More,
    AtLeast,
    Filled,
    Empty,
    /// The condition is text in the language, as it is.
    Reads,
}

impl Verb {
    /// In words, as they fit the field.
    pub fn label(self, field: Field) -> &'static str {
        let time = field.shape() == Shape::Time;
        match self {
            Self::Under => "is or lies under",
            Self::At => "is at the path",
            Self::Contains => "contains",
            Self::Is => "is",
            Self::IsNot => "is not",
            Self::Less if time => "is before",
            Self::AtMost if time => "is at or before",
            Self::More if time => "is after",
            Self::AtLeast if time => "is at or after",
            Self::Less => "is less than",
            Self::AtMost => "is at most",
            Self::More => "is more than",
            Self::AtLeast => "is at least",
            Self::Filled => "is filled",
            Self::Empty => "is empty",
            Self::Reads => "reads",
        }
    }

    /// Whether a value belongs to it.
    pub fn takes_value(self) -> bool {
        !matches!(self, Self::Filled | Self::Empty)
    }
}

impl Row {
    /// Compares in another way; a path becomes a name, a name no path.
    pub fn turn_to(&mut self, verb: Verb) {
        let by_path = |verb| matches!(verb, Verb::Under | Verb::At);
        if by_path(self.verb) && !by_path(verb) {
            let last = |value: &Value| match value {
                Value::Text(path) => estate::split_path(path).and_then(|mut names| names.pop()),
                _ => None,
            };
            let names: Vec<Value> = self.values().iter().filter_map(last).map(Value::Text).collect();
            self.value = as_typed(&names);
        } else if by_path(verb) && !by_path(self.verb) {
            self.value.clear();
        }
        self.verb = verb;
    }
}

/// The verbs of a field; the first is offered first.
pub fn verbs(field: Field) -> &'static [Verb] {
    use Verb::{At, AtLeast, AtMost, Contains, Empty, Filled, Is, IsNot, Less, More, Reads, Under};
    match (field, field.shape()) {
        (Field::Account, _) => &[Under, Contains, Is, IsNot, At],
        (Field::Any, _) => &[Contains, Reads],
        (Field::Id | Field::AccountId, _) => &[Is, IsNot],
        (Field::Iccid, _) => &[Contains, Is, IsNot],
        (_, Shape::Bytes | Shape::Percent) => &[AtLeast, More, AtMost, Less, Is, IsNot, Filled, Empty],
        (_, Shape::Time) if field == Field::Changed => &[Less, AtLeast, More, AtMost],
        (_, Shape::Time) => &[Less, AtLeast, More, AtMost, Filled, Empty],
        (_, Shape::Status | Shape::Lifecycle | Shape::Flag) => &[Is, IsNot],
        _ => &[Contains, Is, IsNot, Filled, Empty],
    }
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Whether it must not hold.
    pub negated: bool,
    /// What is asked about.
    pub field: Field,
    /// How.
    pub verb: Verb,
    /// With what: values between commas, as they are typed.
    pub value: String,
}

impl Row {
    /// A condition still to be filled in.
    pub fn blank(field: Field) -> Self {
        Self { negated: false, field, verb: verbs(field)[0], value: String::new() }
    }

    /// Its text in the language; `None` while its value is missing.
    pub fn text(&self) -> Option<String> {
        let value = self.value.trim();
        if self.verb.takes_value() && value.is_empty() {
            return None;
        }
        let name = self.field.name();
        let signed = |sign: &str| format!("{name}{sign}{}", values(value));
        Some(match self.verb {
            Verb::Under => format!("in:{}", values(value)),
            Verb::At => format!("path={}", values(value)),
            Verb::Filled => format!("has:{name}"),
            Verb::Empty => format!("no:{name}"),
            Verb::Reads => value.to_owned(),
            Verb::Contains if self.field == Field::Any => quote(value),
            Verb::Contains => signed(":"),
            Verb::Is => signed("="),
            Verb::IsNot => signed("!="),
            Verb::Less => signed("<"),
            Verb::AtMost => signed("<="),
            Verb::More => signed(">"),
            Verb::AtLeast => signed(">="),
        })
    }

    /// The values it compares with, as far as they can be read.
    pub fn values(&self) -> Vec<Value> {
        match self.text().map(|text| Filter::parse(&text)) {
            Some(Ok(Filter::Term(term))) => term.values,
            _ => Vec::new(),
        }
    }

    /// What it says, or what is wrong with it; `None` while its value is missing.
    pub fn filter(&self) -> Option<estate::Result<Filter>> {
        let filter = Filter::parse(&self.text()?);
        Some(filter.map(|f| if self.negated { Filter::Not(Box::new(f)) } else { f }))
    }

    /// What is wrong with its value.
    pub fn fault(&self) -> Option<String> {
        self.filter()?.err().map(|error| match &error {
            estate::Error::Filter { message, .. } => {
                let hint = error.hint().map(|h| format!(", {h}")).unwrap_or_default();
                format!("{message}{hint}")
            }
            other => other.to_string(),
        })
    }

    /// The condition of a comparison.
    fn of(term: &Term) -> Self {
        let row = |field, verb| Self { negated: false, field, verb, value: as_typed(&term.values) };
        let exactly = |field, verb| Self { value: String::new(), ..row(field, verb) };
        match (term.field, term.op, term.values.as_slice()) {
            (Field::In, Op::Has | Op::Eq, _) => row(Field::Account, Verb::Under),
            (Field::Path, Op::Has | Op::Eq, _) => row(Field::Account, Verb::At),
            (Field::Has, Op::Has | Op::Eq, [Value::Field(field)]) => exactly(*field, Verb::Filled),
            (Field::No, Op::Has | Op::Eq, [Value::Field(field)]) => exactly(*field, Verb::Empty),
            (Field::Any, _, [Value::Text(text)]) => {
                Self { value: text.clone(), ..row(Field::Any, Verb::Contains) }
            }
            (field, op, _) => {
                let verb = match op {
                    Op::Has => Verb::Contains,
                    Op::Eq => Verb::Is,
                    Op::Ne => Verb::IsNot,
                    Op::Lt => Verb::Less,
                    Op::Le => Verb::AtMost,
                    Op::Gt => Verb::More,
                    Op::Ge => Verb::AtLeast,
                };
                row(field, verb)
            }
        }
    }
}

/// Values as a person types them: unquoted where that stays clear.
pub fn as_typed(list: &[Value]) -> String {
    let one = |value: &Value| match value {
        Value::Text(text)
            if text.contains([',', '"', '\\']) || text.trim() != text || text.is_empty() =>
        {
            value.to_string()
        }
        Value::Text(text) => text.clone(),
        other => other.to_string(),
    };
    list.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Values as they are typed, cut at the commas outside quotes.
pub fn cut_values(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let (mut part, mut inside, mut escaped) = (String::new(), false, false);
    for c in text.chars() {
        match c {
            ',' if !inside => parts.push(std::mem::take(&mut part)),
            c => {
                inside ^= c == '"' && !escaped && (inside || part.trim().is_empty());
                escaped = c == '\\' && !escaped;
                part.push(c);
            }
        }
    }
    parts.push(part);
    parts
}

/// Values as the language wants them: each quoted where it has to be.
fn values(text: &str) -> String {
    let parts = cut_values(text);
    let one = |part: &String| {
        let part = part.trim();
        if part.starts_with('"') || part.is_empty() { part.to_owned() } else { quote(part) }
    };
    parts.iter().map(one).collect::<Vec<_>>().join(",")
}

/// A condition, or a group of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A condition.
    Row(Row),
    /// A group.
    Group(Group),
}

/// Conditions that hold together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// Whether it must not hold.
    pub negated: bool,
    /// Whether one that holds is enough.
    pub any: bool,
    /// What it consists of.
    pub nodes: Vec<Node>,
}

/// The way from the whole down to a part; the whole itself is empty.
pub type Path = Vec<usize>;

impl Group {
    /// The conditions of a filter.
    pub fn of(filter: &Filter) -> Self {
        match node(filter) {
            Some(Node::Group(group)) => group,
            Some(row) => Self { nodes: vec![row], ..Self::default() },
            None => Self::default(),
        }
    }

    /// The filter they make; conditions without a value count for nothing, one that cannot be read
    /// is an error.
    pub fn filter(&self) -> estate::Result<Filter> {
        Ok(self.filter_of()?.unwrap_or(Filter::All))
    }

    fn filter_of(&self) -> estate::Result<Option<Filter>> {
        let mut list = Vec::new();
        for node in &self.nodes {
            match node {
                Node::Row(row) => list.extend(row.filter().transpose()?),
                Node::Group(group) => list.extend(group.filter_of()?),
            }
        }
        let whole = match list.len() {
            0 => return Ok(None),
            1 => list.remove(0),
            _ if self.any => Filter::Or(list),
            _ => Filter::And(list),
        };
        Ok(Some(if self.negated { Filter::Not(Box::new(whole)) } else { whole }))
    }

    /// How many conditions still want a value.
    pub fn blanks(&self) -> usize {
        let blank = |node: &Node| match node {
            Node::Row(row) => usize::from(row.text().is_none()),
            Node::Group(group) => group.blanks(),
        };
        self.nodes.iter().map(blank).sum()
    }

    /// Every part with its depth, from the top: the heads of groups, and conditions.
    pub fn lines(&self) -> Vec<Path> {
        let mut lines = vec![Path::new()];
        self.lines_into(&mut Path::new(), &mut lines);
        lines
    }

    fn lines_into(&self, at: &mut Path, lines: &mut Vec<Path>) {
        for (i, node) in self.nodes.iter().enumerate() {
            at.push(i);
            lines.push(at.clone());
            if let Node::Group(group) = node {
                group.lines_into(at, lines);
            }
            at.pop();
        }
    }

    /// The group at a path, or the one that holds the condition there, and the place in it.
    fn holder(&mut self, path: &[usize]) -> Option<(&mut Self, usize)> {
        let (last, way) = path.split_last()?;
        let group = self.group(way)?;
        (*last < group.nodes.len()).then_some((group, *last))
    }

    /// The group at a path.
    pub fn group(&mut self, path: &[usize]) -> Option<&mut Self> {
        let Some((first, rest)) = path.split_first() else { return Some(self) };
        match self.nodes.get_mut(*first)? {
            Node::Group(group) => group.group(rest),
            Node::Row(_) => None,
        }
    }

    /// The part at a path; `None` for the whole.
    pub fn get(&self, path: &[usize]) -> Option<&Node> {
        let (first, rest) = path.split_first()?;
        match (self.nodes.get(*first)?, rest) {
            (node, []) => Some(node),
            (Node::Group(group), rest) => group.get(rest),
            (Node::Row(_), _) => None,
        }
    }

    /// The condition at a path.
    pub fn row(&mut self, path: &[usize]) -> Option<&mut Row> {
        let (group, at) = self.holder(path)?;
        match &mut group.nodes[at] {
            Node::Row(row) => Some(row),
            Node::Group(_) => None,
        }
    }

    /// Adds a part: at the end of the group at the path, or after the condition there. Gives where
    /// it is.
    pub fn add(&mut self, path: &[usize], node: Node) -> Path {
        if let Some(group) = self.group(path) {
            group.nodes.push(node);
            let at = group.nodes.len() - 1;
            return [path, &[at]].concat();
        }
        self.add_after(path, node)
    }

    /// Adds a part after another. Gives where it is.
    pub fn add_after(&mut self, path: &[usize], node: Node) -> Path {
        let Some((group, at)) = self.holder(path) else { return Path::new() };
        group.nodes.insert(at + 1, node);
        let (last, way) = path.split_last().unwrap_or((&0, &[]));
        [way, &[last + 1]].concat()
    }

    /// Puts a copy of a part after it. Gives where it is.
    pub fn duplicate(&mut self, path: &[usize]) -> Path {
        let Some((group, at)) = self.holder(path) else { return path.to_vec() };
        let copy = group.nodes[at].clone();
        group.nodes.insert(at + 1, copy);
        let (last, way) = path.split_last().unwrap_or((&0, &[]));
        [way, &[last + 1]].concat()
    }

    /// Takes a part out; of the whole, all that is in it.
    pub fn remove(&mut self, path: &[usize]) -> Option<Node> {
        if let Some((group, at)) = self.holder(path) {
            return Some(group.nodes.remove(at));
        }
        self.nodes.clear();
        None
    }

    /// Turns what must hold into what must not.
    pub fn negate(&mut self, path: &[usize]) {
        match self.holder(path) {
            None => self.negated = !self.negated,
            Some((group, at)) => match &mut group.nodes[at] {
                Node::Row(row) => row.negated = !row.negated,
                Node::Group(group) => group.negated = !group.negated,
            },
        }
    }

    /// "All" into "any" and back, of the group at the path or the one that holds the condition
    /// there.
    pub fn turn(&mut self, path: &[usize]) {
        let way = if self.group(path).is_some() {
            path
        } else {
            path.split_last().map_or(path, |(_, way)| way)
        };
        if let Some(group) = self.group(way) {
            group.any = !group.any;
        }
    }

    /// Moves a part up or down: past its neighbour, into a group beside it, out of its own. Gives
    /// where it is.
    pub fn shift(&mut self, path: &[usize], down: bool) -> Path {
        let Some((last, way)) = path.split_last() else { return Path::new() };
        let Some((group, at)) = self.holder(path) else { return path.to_vec() };
        let neighbour = if down { at + 1 } else { at.wrapping_sub(1) };
        match group.nodes.get_mut(neighbour) {
            Some(Node::Group(_)) => {
                let node = group.nodes.remove(at);
                // What followed has moved up by one.
                let into = if down { *last } else { last - 1 };
                let Some(Node::Group(other)) = group.nodes.get_mut(into) else { return path.to_vec() };
                let place = if down { 0 } else { other.nodes.len() };
                other.nodes.insert(place, node);
                [way, &[into, place]].concat()
            }
            Some(Node::Row(_)) => {
                group.nodes.swap(at, neighbour);
                [way, &[neighbour]].concat()
            }
            None => {
                let Some((own, above)) = way.split_last() else { return path.to_vec() };
                let node = group.nodes.remove(at);
                let place = if down { own + 1 } else { *own };
                let Some(outer) = self.group(above) else { return path.to_vec() };
                outer.nodes.insert(place, node);
                [above, &[place]].concat()
            }
        }
    }
}

fn node(filter: &Filter) -> Option<Node> {
    let group = |any, list: &[Filter]| {
        Node::Group(Group { negated: false, any, nodes: list.iter().filter_map(node).collect() })
    };
    Some(match filter {
        Filter::All => return None,
        Filter::And(list) => group(false, list),
        Filter::Or(list) => group(true, list),
        Filter::Term(term) => {
            let row = Row::of(term);
            // What the rows cannot say is kept as text.
            let same = row.filter().is_some_and(|read| read.as_ref() == Ok(filter));
            let text = || Row {
                negated: false,
                field: Field::Any,
                verb: Verb::Reads,
                value: filter.to_string(),
            };
            Node::Row(if same { row } else { text() })
        }
        Filter::Not(inner) => match node(inner)? {
            Node::Row(row) if !row.negated => Node::Row(Row { negated: true, ..row }),
            Node::Group(group) if !group.negated => Node::Group(Group { negated: true, ..group }),
            other => Node::Group(Group { negated: true, any: false, nodes: vec![other] }),
        },
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn group(text: &str) -> Group {
        Group::of(&Filter::parse(text).expect(text))
    }

    fn text(group: &Group) -> String {
        group.filter().expect("filter").to_string()
    }

    #[test]
    fn rows_say_what_the_language_says() {
        for same in [
            "",
            "in:\"/Acme Ltd\" -tag:do-not-move (network:voda* or network=EE)",
            "account=\"Acme Ltd\",Fleet status=active,alerted used_pct>=80",
            "label:\"a, b\",\"c \\\"d\\\"\"",
            "no:cap has:label -seen<30d",
            "a or (b c) or -(d e)",
            "--x",
            "-(-(a or b) c)",
            "has:label,eid",
            "path=/Acme hard=yes iccid!=89*",
            "\"two words\" \"and\" \"-x\"",
            "notes:\"C:\\\\dir\"",
        ] {
            let filter = Filter::parse(same).expect(same);
            assert_eq!(Group::of(&filter).filter(), Ok(filter), "{same}");
        }
    }

    #[test]
    fn values_need_no_quotes_and_what_is_blank_counts_for_nothing() {
        let mut row = Row { value: "Acme Ltd, \"a, b\" , Fleet".into(), ..Row::blank(Field::Label) };
        assert_eq!(row.text().as_deref(), Some("label:\"Acme Ltd\",\"a, b\",Fleet"));
        row.value = "  ".into();
        assert_eq!((row.text(), row.fault()), (None, None));
        let row = Row { value: "lots".into(), ..Row::blank(Field::Used) };
        assert!(row.fault().expect("wrong").contains("a size such as 500MB"));
        let mut whole = Group::default();
        whole.add(&[], Node::Row(Row::blank(Field::Account)));
        assert_eq!(whole.filter(), Ok(Filter::All));
    }

    #[test]
    fn parts_are_added_moved_turned_and_removed() {
        let mut g = group("a (b or c) d");
        assert_eq!(g.lines().len(), 6);
        assert_eq!(g.shift(&[0], true), [0, 0]);
        assert_eq!(text(&g), "(a or b or c) d");
        assert_eq!(g.shift(&[0, 2], true), [1]);
        assert_eq!(text(&g), "(a or b) c d");
        assert_eq!(g.shift(&[1], false), [0, 2]);
        assert_eq!(g.shift(&[0, 0], false), [0]);
        assert_eq!(text(&g), "a (b or c) d");
        assert_eq!(g.shift(&[0], false), [0]);
        assert_eq!(g.shift(&[2], true), [2]);
        g.turn(&[1, 0]);
        g.negate(&[1]);
        g.negate(&[0]);
        assert_eq!(text(&g), "-a -(b c) d");
        assert_eq!(g.duplicate(&[1]), [2]);
        assert_eq!(text(&g), "-a -(b c) -(b c) d");
        g.remove(&[1]);
        assert_eq!(
            g.add(&[1, 0], Node::Row(Row { value: "z".into(), ..Row::blank(Field::Any) })),
            [1, 1]
        );
        assert_eq!(text(&g), "-a -(b z c) d");
        g.turn(&[2]);
        assert_eq!(text(&g), "-a or -(b z c) or d");
        g.remove(&[]);
        assert_eq!(g.filter(), Ok(Filter::All));
    }

    #[test]
    fn quotes_in_names_survive_another_comparison() {
        let path = as_typed(&[Value::Text("/Root/Fleet \"B\", East".into())]);
        let mut row = Row { negated: false, field: Field::Account, verb: Verb::Under, value: path };
        assert_eq!(row.values(), [Value::Text("/Root/Fleet \"B\", East".into())]);
        row.turn_to(Verb::Is);
        assert_eq!(row.values(), [Value::Text("Fleet \"B\", East".into())]);
        row.value = "/Root/A, /Root/B".into();
        row.turn_to(Verb::Under);
        assert_eq!(row.value, "");
    }

    proptest! {
        #[test]
        fn no_filter_is_changed_by_being_looked_at(
            text in "(status=active|label:\"x, y\"|in:a|used>=5GB|no:cap|has:cap,label|\\(|\\)| or | |-|q){0,14}"
        ) {
            if let Ok(filter) = Filter::parse(&text) {
                prop_assert_eq!(Group::of(&filter).filter(), Ok(filter));
            }
        }
    }
}
