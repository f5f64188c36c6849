//! JSON in: NDJSON (one object a line) or one array of objects, as rows of cells.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};

use super::spool::{MAX_LINE, RowWriter, Spool, Tick};
use crate::error::{Error, Result};
use crate::number::number_text;

/// Most names in all objects of a file.
const MAX_NAMES: usize = 1_000;

/// Reads objects into a spool whose first row holds their names.
pub(super) fn read(input: impl Read, tick: Tick<'_>) -> Result<Spool> {
    let mut input = BufReader::new(input);
    let mut rows = Rows {
        writer: RowWriter::new(),
        names: HashMap::new(),
        order: Vec::new(),
        item: Rc::default(),
        tick,
    };
    if first_byte(&mut input)? == Some(b'[') {
        let item = Rc::clone(&rows.item);
        let mut json = serde_json::Deserializer::from_reader(ItemBound { inner: input, item });
        let read = Array(&mut rows).deserialize(&mut json).and_then(|()| json.end());
        read.map_err(|e| match tick(0) {
            Err(cancelled) => cancelled,
            Ok(()) => Error::invalid("file", format!("is no sound JSON: {e}")),
        })?;
    } else {
        read_lines(&mut input, &mut rows)?;
    }
    rows.finish()
}

/// Returns the first byte behind blanks and a byte order mark.
fn first_byte(input: &mut impl BufRead) -> Result<Option<u8>> {
    loop {
        let available = input.fill_buf().map_err(|e| Error::io("cannot read the file", e))?;
        let Some(first) = available.first().copied() else { return Ok(None) };
        if !first.is_ascii_whitespace() && !matches!(first, 0xef | 0xbb | 0xbf) {
            return Ok(Some(first));
        }
        input.consume(1);
    }
}

fn read_lines(input: &mut impl BufRead, rows: &mut Rows<'_>) -> Result<()> {
    let (mut line, mut number) = (Vec::new(), 0);
    loop {
        line.clear();
        let read = input.take(MAX_LINE as u64 + 1).read_until(b'\n', &mut line);
        number += 1;
        if read.map_err(|e| Error::invalid("file", e.to_string()))? == 0 {
            return Ok(());
        }
        if line.len() > MAX_LINE {
            return Err(Error::invalid("file", format!("line {number} is longer than 1 MiB")));
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let object: Map<String, Json> = serde_json::from_slice(&line).map_err(|e| {
            Error::invalid(
                "file",
                format!("line {number} is no JSON object: {e}; NDJSON has one on each line"),
            )
        })?;
        rows.add(number, &object)?;
    }
}

/// A stream that fails where one item of an array is too long.
struct ItemBound<R> {
    inner: R,
    /// Bytes of the item so far.
    item: Rc<Cell<usize>>,
}

impl<R: Read> Read for ItemBound<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(out)?;
        self.item.set(self.item.get() + length);
        if self.item.get() > MAX_LINE {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "an object is longer than 1 MiB"));
        }
        Ok(length)
    }
}

/// Rows under names that are found on the way.
struct Rows<'a> {
    writer: RowWriter,
    names: HashMap<String, usize>,
    order: Vec<String>,
    /// Bytes of the item being read.
    item: Rc<Cell<usize>>,
    tick: Tick<'a>,
}

impl Rows<'_> {
    fn add(&mut self, line: u64, object: &Map<String, Json>) -> Result<()> {
        let mut cells = vec![String::new(); self.order.len()];
        self.flatten("", object, &mut cells)?;
        (self.tick)(line)?;
        self.writer.write(line, &cells)
    }

    /// Objects inside an object become columns such as `network.name`.
    fn flatten(
        &mut self,
        prefix: &str,
        object: &Map<String, Json>,
        cells: &mut Vec<String>,
    ) -> Result<()> {
        for (name, value) in object {
            let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            if let Json::Object(inner) = value {
                self.flatten(&name, inner, cells)?;
                continue;
            }
            let at = match self.names.get(&name) {
                Some(at) => *at,
                None => self.name(name)?,
            };
            cells.resize(self.order.len(), String::new());
            cells[at] = text(value);
        }
        Ok(())
    }

    fn name(&mut self, name: String) -> Result<usize> {
        if self.order.len() >= MAX_NAMES {
            return Err(Error::invalid("file", format!("has objects of more than {MAX_NAMES} names")));
        }
        self.names.insert(name.clone(), self.order.len());
        self.order.push(name);
        Ok(self.order.len() - 1)
    }

    fn finish(self) -> Result<Spool> {
        let mut spool = self.writer.finish()?;
        spool.headers = Some(self.order);
        Ok(spool)
    }
}

/// A value as a cell; items of a list are separated as in an export.
fn text(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::Bool(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        Json::Number(number) if number.is_f64() => number.as_f64().map(number_text).unwrap_or_default(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => text.clone(),
        Json::Array(items) if !items.iter().any(|item| item.is_array() || item.is_object()) => {
            let items: Vec<String> = items.iter().map(text).collect();
            crate::export::join_list(&items)
        }
        Json::Array(_) | Json::Object(_) => value.to_string(),
    }
}

/// An array of objects, taken one by one.
struct Array<'a, 'b>(&'a mut Rows<'b>);

impl<'de> DeserializeSeed<'de> for Array<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Array<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<(), A::Error> {
        let mut number = 0;
        while let Some(object) = items.next_element::<Map<String, Json>>()? {
            number += 1;
            self.0.item.set(0);
            self.0.add(number, &object).map_err(serde::de::Error::custom)?;
        }
        Ok(())
    }
}
