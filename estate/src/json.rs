//! JSON of a known type, without arrays in place of objects.
//!
//! Derived deserializers take an array for a struct, field by field. A document that relies on the
//! order of fields means something else after the next release, so it is refused.

use serde::Serialize;
use serde::de::{DeserializeOwned, Error as _};
use serde_json::Value as Json;

/// Reason for the refusal.
pub const MUST_BE_OBJECT: &str = "must be an object, not an array";

/// Reads a document as `T`. An array in place of an object is an error, at every depth.
pub fn from_slice<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> serde_json::Result<T> {
    let read = serde_json::from_slice(bytes)?;
    match find_array_for_object(bytes, &read)? {
        None => Ok(read),
        Some(pointer) if pointer.is_empty() => Err(serde_json::Error::custom(MUST_BE_OBJECT)),
        Some(pointer) => Err(serde_json::Error::custom(format!("{pointer}: {MUST_BE_OBJECT}"))),
    }
}

/// Returns the place (RFC 6901) of the first array in `bytes` that was read as an object of `read`.
pub fn find_array_for_object(bytes: &[u8], read: &impl Serialize) -> serde_json::Result<Option<String>> {
    // Most documents have no array: they are not parsed twice.
    if !bytes.contains(&b'[') {
        return Ok(None);
    }
    Ok(first_difference(&serde_json::from_slice(bytes)?, &serde_json::to_value(read)?))
}

/// Compares a document with what was read from it, written as JSON again.
pub fn first_difference(given: &Json, read: &Json) -> Option<String> {
    match (given, read) {
        (Json::Array(_), Json::Object(_)) => Some(String::new()),
        (Json::Array(given), Json::Array(read)) => given
            .iter()
            .zip(read)
            .enumerate()
            .find_map(|(at, (given, read))| Some(format!("/{at}{}", first_difference(given, read)?))),
        (Json::Object(given), Json::Object(read)) => given.iter().find_map(|(name, given)| {
            let rest = first_difference(given, read.get(name)?)?;
            Some(format!("/{}{rest}", name.replace('~', "~0").replace('/', "~1")))
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::change::Change;
    use crate::import::options::ImportOptions;
    use crate::query::Query;

    /// Turns the object at a pointer into the array of its values, in the order of `fields`.
    fn arrayed(mut document: Json, pointer: &str, fields: &[&str]) -> Vec<u8> {
        let place = document.pointer_mut(pointer).expect(pointer);
        *place = fields.iter().map(|field| place[*field].take()).collect();
        document.to_string().into_bytes()
    }

    #[test]
    fn an_array_in_place_of_an_object_is_refused_at_every_depth() {
        let query = serde_json::to_value(Query::all(crate::AccountId(1), crate::Time(0))).expect("JSON");
        let fields = ["filter", "under", "deep", "sort", "now"];
        let array = arrayed(query.clone(), "", &fields);
        assert!(serde_json::from_slice::<Query>(&array).is_ok(), "the fault");
        assert!(from_slice::<Query>(&array).is_err());
        assert!(from_slice::<Query>(query.to_string().as_bytes()).is_ok());

        let clear = ["notes", "recipients", "tags"];
        let change = Change::Move {
            target: crate::Target::ids([crate::SimId(1)]),
            to: crate::AccountId(2),
            clear: crate::MoveOptions::default(),
        };
        let change = serde_json::to_value(change).expect("JSON");
        assert!(from_slice::<Change>(change.to_string().as_bytes()).is_ok());
        let array = arrayed(change, "/clear", &clear);
        assert!(serde_json::from_slice::<Change>(&array).is_ok(), "the fault, behind a tag");
        let error = from_slice::<Change>(&array).expect_err("refused").to_string();
        assert!(error.starts_with("/clear: must be an object"), "{error}");
        // The whole document has no place to name.
        let error = from_slice::<ImportOptions>(b"[]").expect_err("refused").to_string();
        assert_eq!(error, MUST_BE_OBJECT);
    }

    #[test]
    fn the_place_is_named_inside_lists_and_maps() {
        let (given, read) = (json!({"a/b": [{}, [1]]}), json!({"a/b": [{}, {"x": 1}]}));
        assert_eq!(first_difference(&given, &read).as_deref(), Some("/a~1b/1"));
        assert_eq!(first_difference(&json!([1, [2]]), &json!([1, [2]])), None);
    }
}
