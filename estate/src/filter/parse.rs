//! Reads the filter language; one error with a position.

use super::{FIELDS, Field, Filter, Op, Shape, Term, Value, words};
use crate::error::{Error, Result};
use crate::filter::words::ends_word;
use crate::limits::{FILTER_BYTES, FILTER_DEPTH, FILTER_VALUES};
use crate::sim::{Lifecycle, Status};
use crate::text;
use crate::units::{self, Time};

pub(super) fn filter(text: &str) -> Result<Filter> {
    if text.len() > FILTER_BYTES {
        return Err(Error::invalid("filter", "is longer than 4 MiB; use a list file instead"));
    }
    let mut parser = Parser { chars: text.chars().collect(), at: 0, depth: 0, values: 0 };
    parser.blanks();
    if parser.peek().is_none() {
        return Ok(Filter::All);
    }
    let filter = parser.or()?;
    match parser.peek() {
        None => Ok(filter),
        Some(_) => Err(parser.error("there is a ) without its (")),
    }
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    depth: usize,
    values: usize,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn error(&self, message: impl Into<String>) -> Error {
        self.error_at(self.at, message, None)
    }

    #[expect(clippy::unused_self, reason = "reads as part of the parser")]
    fn error_at(&self, at: usize, message: impl Into<String>, suggestion: Option<String>) -> Error {
        Error::Filter { message: message.into(), column: at + 1, suggestion }
    }

    /// True, and past it, when the word `word` stands here on its own.
    fn keyword(&mut self, word: &str) -> bool {
        let end = self.at + word.len();
        let fits = self
            .chars
            .get(self.at..end)
            .is_some_and(|c| c.iter().collect::<String>().eq_ignore_ascii_case(word));
        let alone = self.chars.get(end).is_none_or(|c| c.is_whitespace() || matches!(c, '(' | ')' | '"'));
        if fits && alone {
            self.at = end;
            self.blanks();
        }
        fits && alone
    }

    fn or(&mut self) -> Result<Filter> {
        let mut list = vec![self.and()?];
        while self.keyword("or") {
            list.push(self.and()?);
        }
        Ok(if list.len() == 1 { list.remove(0) } else { Filter::Or(list) })
    }

    fn and(&mut self) -> Result<Filter> {
        let mut list = vec![self.unary()?];
        loop {
            let start = self.at;
            if self.peek().is_none_or(|c| c == ')') || self.keyword("or") {
                self.at = start;
                return Ok(if list.len() == 1 { list.remove(0) } else { Filter::And(list) });
            }
            self.keyword("and");
            list.push(self.unary()?);
        }
    }

    fn unary(&mut self) -> Result<Filter> {
        self.depth += 1;
        if self.depth > FILTER_DEPTH {
            return Err(self.error(format!("nested deeper than {FILTER_DEPTH} levels")));
        }
        self.expect_condition()?;
        let negated =
            self.peek() == Some('-') && self.chars.get(self.at + 1).is_some_and(|c| !c.is_whitespace());
        let filter = if negated {
            self.at += 1;
            Filter::Not(Box::new(self.unary()?))
        } else if self.keyword("not") {
            Filter::Not(Box::new(self.unary()?))
        } else if self.peek() == Some('(') {
            self.group()?
        } else {
            Filter::Term(self.term()?)
        };
        self.depth -= 1;
        Ok(filter)
    }

    /// Checks that a condition can begin here.
    fn expect_condition(&mut self) -> Result<()> {
        let start = self.at;
        for word in ["or", "and"] {
            if self.keyword(word) {
                let message =
                    format!("expected a condition before {word}; write \"{word}\" to search for it");
                return Err(self.error_at(start, message, None));
            }
        }
        match self.peek() {
            None => Err(self.error("expected a condition, but the filter ends here")),
            Some(')') => Err(self.error("expected a condition, not )")),
            Some(_) => Ok(()),
        }
    }

    fn group(&mut self) -> Result<Filter> {
        let open = self.at;
        self.at += 1;
        self.blanks();
        let filter = self.or()?;
        if self.peek() != Some(')') {
            return Err(self.error_at(open, "this ( is never closed", None));
        }
        self.at += 1;
        self.blanks();
        Ok(filter)
    }

    fn term(&mut self) -> Result<Term> {
        let start = self.at;
        let end = start
            + self.chars[start..].iter().take_while(|c| c.is_ascii_alphabetic() || **c == '_').count();
        self.at = end;
        self.blanks();
        let op = if end > start { self.op() } else { None };
        let Some(op) = op else {
            self.at = start;
            let text = self.text()?;
            self.blanks();
            return Ok(Term { field: Field::Any, op: Op::Has, values: vec![Value::Text(text)] });
        };
        let name: String = self.chars[start..end].iter().collect();
        // A telephone number as a link writes it (RFC 3966).
        if name.eq_ignore_ascii_case("tel") && op == Op::Has && self.peek() == Some('+') {
            let text = self.text()?;
            self.blanks();
            return Ok(Term { field: Field::Any, op: Op::Has, values: vec![Value::Text(text)] });
        }
        let Some(field) = Field::from_name(&name) else {
            let near =
                text::nearest(&name, FIELDS.map(|row| row.0)).first().map(|near| (*near).to_owned());
            let message = format!("no field is called {name} (quote the text to search for it)");
            return Err(self.error_at(start, message, near));
        };
        self.check_operator(field, op, end)?;
        let values = self.values(field, op)?;
        Ok(Term { field, op, values })
    }

    fn op(&mut self) -> Option<Op> {
        let (op, length) = match (self.peek()?, self.chars.get(self.at + 1)) {
            (':', _) => (Op::Has, 1),
            ('=', _) => (Op::Eq, 1),
            ('!', Some('=')) => (Op::Ne, 2),
            ('<', Some('=')) => (Op::Le, 2),
            ('>', Some('=')) => (Op::Ge, 2),
            ('<', _) => (Op::Lt, 1),
            ('>', _) => (Op::Gt, 1),
            _ => return None,
        };
        self.at += length;
        Some(op)
    }

    fn check_operator(&self, field: Field, op: Op, at: usize) -> Result<()> {
        let ordered = matches!(field.shape(), Shape::Bytes | Shape::Percent | Shape::Time);
        if op.is_ordering() && !ordered {
            let message = format!("{} knows no order; expected :, = or !=", field.name());
            return Err(self.error_at(at, message, None));
        }
        Ok(())
    }

    fn values(&mut self, field: Field, op: Op) -> Result<Vec<Value>> {
        let mut values = Vec::new();
        loop {
            self.blanks();
            let start = self.at;
            let word = if field.shape() == Shape::Bytes { self.size()? } else { self.word()? };
            values.push(self.value(field, &word, start)?);
            self.values += 1;
            if self.values > FILTER_VALUES {
                return Err(self.error_at(start, format!("more than {FILTER_VALUES} values"), None));
            }
            let after = self.at;
            self.blanks();
            if self.peek() != Some(',') {
                return Ok(values);
            }
            if op.is_ordering() {
                return Err(self.list_error(field, op, &word));
            }
            self.at = if self.at == after { after + 1 } else { self.at + 1 };
        }
    }

    /// Builds the error for a comma after `<`, `<=`, `>` or `>=`. After a number it is most likely
    /// a decimal comma.
    fn list_error(&self, field: Field, op: Op, word: &str) -> Error {
        let start = self.at + 1;
        let length = self.chars[start..].iter().take_while(|c| c.is_ascii_alphanumeric()).count();
        let mut rest: String = self.chars[start..start + length].iter().collect();
        if let Some(end) = words::unit_end(&self.chars, start + length, &rest) {
            rest.extend(self.chars[start + length..end].iter().filter(|c| !c.is_whitespace()));
        }
        let is_number = word.bytes().all(|b| b.is_ascii_digit());
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (name, sign) = (field.name(), op.sign());
        let point = format!("{name}{sign}{word}.{rest}");
        let message = match digits {
            0 => format!("{sign} takes one value, not a list"),
            _ if field.shape() != Shape::Bytes || !is_number => {
                format!("{sign} takes one value, not a list")
            }
            3 => format!("a size has no commas: {name}{sign}{word}{rest} or {point}"),
            _ => format!("a size takes a point: {point}"),
        };
        self.error_at(self.at, message, None)
    }

    fn value(&self, field: Field, word: &str, at: usize) -> Result<Value> {
        let bad = |expected: &str| {
            self.error_at(at, format!("expected {expected} after {}", field.name()), None)
        };
        Ok(match field.shape() {
            Shape::Text | Shape::Account => Value::Text(word.to_owned()),
            Shape::Bytes => {
                Value::Bytes(units::parse_bytes(word).map_err(|_| bad("a size such as 500MB"))?)
            }
            Shape::Percent => {
                let digits = word.strip_suffix('%').unwrap_or(word);
                Value::Percent(
                    digits.parse().ok().filter(|p| *p <= 1_000_000).ok_or_else(|| bad("a percentage"))?,
                )
            }
            Shape::Time => match crate::moment::parse_age(word) {
                Some(age) => Value::Age(age),
                None => Value::At(self.time(field, word, at)?),
            },
            Shape::Status => Value::Status(Status::from_word(word).ok_or_else(|| {
                let words = Status::ALL.map(Status::word);
                let near = text::nearest(word, words).first().map(|w| (*w).to_owned());
                self.error_at(at, format!("expected a status, one of {}", words.join(" ")), near)
            })?),
            Shape::Lifecycle => Value::Lifecycle(
                Lifecycle::from_word(word)
                    .ok_or_else(|| bad("inactive, activation-pending, active or terminated"))?,
            ),
            Shape::Flag => match word.to_ascii_lowercase().as_str() {
                "yes" | "true" | "on" => Value::Flag(true),
                "no" | "false" | "off" => Value::Flag(false),
                _ => return Err(bad("yes or no")),
            },
            // The API writes before a number what it is of.
            Shape::Id => {
                let prefix = if field == Field::AccountId { "acc_" } else { "sim_" };
                Value::Id(word.strip_prefix(prefix).unwrap_or(word).parse().map_err(|_| bad("a number"))?)
            }
            Shape::Field => Value::Field(
                Field::from_name(word)
                    .filter(|f| !matches!(f, Field::In | Field::Has | Field::No))
                    .ok_or_else(|| bad("the name of a field"))?,
            ),
        })
    }

    fn time(&self, field: Field, word: &str, at: usize) -> Result<Time> {
        if let Some((day_first, month_first)) = words::ambiguous_date(word) {
            let message = format!("{word} has two readings; write {day_first} or {month_first}");
            return Err(self.error_at(at, message, None));
        }
        let expected = "expected a time such as 2026-10-01, or an age such as 30d, after";
        Time::parse(word).map_err(|_| self.error_at(at, format!("{expected} {}", field.name()), None))
    }

    /// Reads a size: one word, or a number, blanks and a unit as tables print it.
    fn size(&mut self) -> Result<String> {
        if self.peek() == Some('"') {
            return self.read_quoted();
        }
        let mut word = self.word()?;
        if let Some(end) = words::unit_end(&self.chars, self.at, &word) {
            word.extend(&self.chars[self.at..end]);
            self.at = end;
        }
        Ok(word)
    }

    /// A lone word may hold commas; a value in a list may not.
    fn text(&mut self) -> Result<String> {
        if self.peek() == Some('"') { self.read_quoted() } else { self.run(|c| c == ',') }
    }

    fn word(&mut self) -> Result<String> {
        if self.peek() == Some('"') { self.read_quoted() } else { self.run(|_| false) }
    }

    fn run(&mut self, also: impl Fn(char) -> bool) -> Result<String> {
        let start = self.at;
        while self.peek().is_some_and(|c| also(c) || !ends_word(c)) {
            self.at += 1;
        }
        if self.at == start {
            return Err(match self.peek() {
                None => self.error("expected a value, but the filter ends here"),
                Some(c) => self.error(format!("expected a value, not {c}")),
            });
        }
        Ok(self.chars[start..self.at].iter().collect())
    }

    fn read_quoted(&mut self) -> Result<String> {
        let open = self.at;
        self.at += 1;
        let mut out = String::new();
        while let Some(c) = self.peek() {
            self.at += 1;
            match (c, self.peek()) {
                ('"', _) => return Ok(out),
                ('\\', Some(next @ ('"' | '\\'))) => {
                    self.at += 1;
                    out.push(next);
                }
                _ => out.push(c),
            }
        }
        Err(self.error_at(open, "this \" is never closed", None))
    }
}

/// True when `text` reads back as one word, as a lone text and as a value alike.
pub(super) fn is_bare(text: &str) -> bool {
    let plain =
        |c: char| c.is_alphanumeric() || matches!(c, '*' | '.' | '_' | '-' | '@' | '/' | '+' | '#');
    !text.is_empty()
        && text.chars().all(plain)
        && !text.starts_with('-')
        && !["and", "or", "not"].contains(&text.to_ascii_lowercase().as_str())
}

pub(super) fn age(seconds: u64) -> String {
    let (letter, scale) = crate::moment::AGES
        .into_iter()
        .find(|(_, scale)| seconds.is_multiple_of(*scale))
        .unwrap_or(('s', 1));
    format!("{}{letter}", seconds / scale)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round(text: &str) -> String {
        Filter::parse(text).expect(text).to_string()
    }

    #[test]
    fn examples_of_the_language() {
        for example in [
            "account=\"Fleet North\" status=active used_pct>=80",
            "in:\"/Acme Ltd\" -tag:do-not-move (network:voda* or network=EE)",
            "iccid:*0057",
            "no:cap used>1GB",
            "seen<30d",
            "label:a,b,\"c d\"",
            "--x",
        ] {
            assert_eq!(round(example), example);
        }
        assert_eq!(round("  status = active and not (a or b)  "), "status=active -(a or b)");
        assert_eq!(round("\"a\\qb\""), "\"a\\\\qb\"");
        // What exports and the API call it is read too.
        let said = "used_bytes>5000000 tags:vip -hard_cap=yes id=sim_7 account_id=acc_3,4";
        assert_eq!(round(said), round("used>5000000 tag:vip -hard=yes id=7 account_id=3,4"));
        assert_eq!(Filter::parse("  "), Ok(Filter::All));
    }

    #[test]
    fn errors_have_a_place_and_a_way_out() {
        let error = |text: &str| Filter::parse(text).expect_err(text);
        assert_eq!(
            error("used>5 acount:x"),
            Error::Filter {
                message: "no field is called acount (quote the text to search for it)".into(),
                column: 8,
                suggestion: Some("account".into()),
            }
        );
        for (text, column) in [
            ("(a", 1),
            ("a)", 2),
            ("used>", 6),
            ("label>x", 6),
            ("used>lots", 6),
            ("\"a", 1),
            ("status:activ", 8),
            ("not", 4),
            ("or", 1),
            ("and", 1),
            ("or status=active", 1),
            ("status=active and", 18),
            ("status=active or", 17),
            ("a or or b", 6),
            ("a and or b", 7),
            ("a (or b)", 4),
            ("()", 2),
            ("used>1,5GB", 7),
            ("used>=1 GB , 2 GB", 12),
            ("used_pct<50,80", 12),
            ("seen<30d,7d", 9),
            ("seen>05/11/2026", 6),
            ("-seen>=\"5/11/2026 12:00:00\"", 8),
        ] {
            let Error::Filter { column: found, .. } = error(text) else { panic!("{text}") };
            assert_eq!(found, column, "{text}");
        }
    }

    #[test]
    fn errors_say_what_to_write_instead() {
        let message = |text: &str| match Filter::parse(text).expect_err(text) {
            Error::Filter { message, .. } => message,
            other => panic!("{text}: {other}"),
        };
        for (text, expected) in [
            ("used>1,5GB", "a size takes a point: used>1.5GB"),
            ("cap<=12,25 MB", "a size takes a point: cap<=12.25MB"),
            ("used>1,500MB", "a size has no commas: used>1500MB or used>1.500MB"),
            ("used>1GB,2GB", "> takes one value, not a list"),
            ("pace>=50,80", ">= takes one value, not a list"),
            ("seen>05/11/2026", "05/11/2026 has two readings; write 2026-11-05 or 2026-05-11"),
            ("a or or b", "expected a condition before or; write \"or\" to search for it"),
        ] {
            assert_eq!(message(text), expected, "{text}");
        }
        assert_eq!(round("seen>25/11/2026"), "seen>2026-11-25T00:00:00Z");
        assert_eq!(round("\"or\" x"), "\"or\" x");
    }

    #[test]
    fn sizes_are_read_as_tables_print_them() {
        for (text, same) in [
            ("used>1.5 GB", "used>1500MB"),
            ("used>1.5 GB status=active", "used>1500MB status=active"),
            ("(used>=1 MiB)", "used>=1048576"),
            ("used=1 GB,2.5 MB, 0", "used=1GB,2500kB,0"),
            ("used>\"1.5 GB\"", "used>1500MB"),
            ("-cap<5 kB or used>5 pump", "-cap<5kB or (used>5 pump)"),
            ("used>5 \"GB\"", "used>5 \"GB\""),
            ("-used>5 \"m\" m", "-used>5 \"m\" m"),
        ] {
            assert_eq!(round(text), same, "{text}");
            assert_eq!(Filter::parse(&round(text)), Filter::parse(text), "{text}");
        }
    }

    #[test]
    fn depth_and_length_are_bounded() {
        assert!(Filter::parse(&"(".repeat(100_000)).is_err());
        assert!(Filter::parse(&"-".repeat(100_000)).is_err());
        assert!(Filter::parse(&"a".repeat(FILTER_BYTES + 1)).is_err());
    }

    fn value(field: Field) -> BoxedStrategy<Value> {
        match field.shape() {
            Shape::Text | Shape::Account => "[^\\x00-\\x1f]{1,12}".prop_map(Value::Text).boxed(),
            Shape::Bytes => (0..=units::MAX_BYTES).prop_map(Value::Bytes).boxed(),
            Shape::Percent => (0..=1_000_000u64).prop_map(Value::Percent).boxed(),
            Shape::Time => prop_oneof![
                (0..4_000_000_000i64).prop_map(|t| Value::At(Time(t))),
                (0..1u64 << 40).prop_map(Value::Age)
            ]
            .boxed(),
            Shape::Status => (0..8i64).prop_map(|i| Value::Status(Status::from_code(i))).boxed(),
            Shape::Lifecycle => (0..4i64).prop_map(|i| Value::Lifecycle(Lifecycle::from_code(i))).boxed(),
            Shape::Flag => any::<bool>().prop_map(Value::Flag).boxed(),
            Shape::Id => any::<i64>().prop_map(Value::Id).boxed(),
            Shape::Field => Just(Value::Field(Field::Label)).boxed(),
        }
    }

    fn term() -> impl Strategy<Value = Filter> {
        let named = (0..FIELDS.len(), prop_oneof![Just(Op::Has), Just(Op::Eq), Just(Op::Ne)])
            .prop_flat_map(|(i, op)| {
                let field = FIELDS[i].1;
                prop::collection::vec(value(field), 1..4)
                    .prop_map(move |values| Filter::Term(Term { field, op, values }))
            });
        let ordered =
            prop_oneof![Just(Op::Lt), Just(Op::Le), Just(Op::Gt), Just(Op::Ge)].prop_flat_map(|op| {
                let fields = prop_oneof![Just(Field::Used), Just(Field::UsedPct), Just(Field::Seen)];
                fields.prop_flat_map(move |field| {
                    value(field).prop_map(move |v| Filter::term(field, op, v))
                })
            });
        let lone = "[^\\x00-\\x1f]{1,12}|[kKmMgGtT]i?[bB]?|or|and|bytes"
            .prop_map(|t| Filter::term(Field::Any, Op::Has, Value::Text(t)));
        prop_oneof![named, ordered, lone]
    }

    fn any_filter() -> impl Strategy<Value = Filter> {
        term().prop_recursive(5, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::And),
                prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::Or),
                inner.prop_map(|f| Filter::Not(Box::new(f))),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_prints_reads_back(filter in any_filter()) {
            let text = filter.to_string();
            prop_assert_eq!(Filter::parse(&text), Ok(filter), "{}", text);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[a-z:=<>!\"(), \\\\-]{0,40}|\\PC*") {
            let _ = Filter::parse(&text);
        }
    }
}
