//! What is declared, free of any language: structs, and names for other types.

use std::collections::{BTreeMap, BTreeSet};

use ortlet::schema::{ALIAS, ORDER, Schemas};
use serde_json::Value;

/// A type with a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Declaration {
    /// Its name in Rust.
    pub name: String,
    /// Its documentation, as Rust has it.
    pub doc: String,
    /// What it is.
    pub body: Body,
}

/// What a type with a name is.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// An object with these fields, in the order of the struct.
    Struct(Vec<Field>),
    /// One of these.
    Choice(Vec<Variant>),
}

/// A field of a struct.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its key in JSON.
    pub key: String,
    /// Its documentation.
    pub doc: String,
    /// Its type.
    pub of: Type,
    /// Its value where options leave it out.
    pub default: Option<Value>,
    /// Whether a report always has it.
    pub is_always_there: bool,
    /// Words of the struct's tag and what the field is there; empty if it is there whatever the tag.
    pub only_where: Vec<(String, String)>,
}

/// One of several.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// Its documentation.
    pub doc: String,
    /// Its type.
    pub of: Type,
}

/// A type.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// Nothing.
    Null,
    /// Yes or no.
    Bool,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// A text.
    Text,
    /// A text that is the path of a file or folder.
    Path,
    /// This value.
    Constant(Value),
    /// A list.
    List(Box<Type>),
    /// An object with any keys.
    Map(Box<Type>),
    /// A type with a name.
    Named(String),
    /// One of these.
    Union(Vec<Type>),
}

/// The declarations of these schemas, each after those that it refers to. One that refers to itself is not in its own
/// way.
///
/// # Panics
/// If a schema has something in it that no type stands for: then this module has to learn it.
pub fn declarations(schemas: &Schemas) -> Vec<Declaration> {
    let all: BTreeMap<_, _> =
        schemas.iter().map(|(name, schema)| (name, declaration(name, schema))).collect();
    let (mut sorted, mut seen) = (Vec::new(), BTreeSet::new());
    all.values().for_each(|one| visit(one, &all, &mut seen, &mut sorted));
    sorted
}

fn visit<'a>(
    one: &'a Declaration,
    all: &'a BTreeMap<&String, Declaration>,
    seen: &mut BTreeSet<&'a str>,
    sorted: &mut Vec<Declaration>,
) {
    if !seen.insert(&one.name) {
        return;
    }
    for name in one.types().into_iter().flat_map(Type::names) {
        visit(&all[&name], all, seen, sorted);
    }
    sorted.push(one.clone());
}

impl Declaration {
    /// The types in it.
    pub fn types(&self) -> Vec<&Type> {
        match &self.body {
            Body::Struct(fields) => fields.iter().map(|field| &field.of).collect(),
            Body::Choice(variants) => variants.iter().map(|variant| &variant.of).collect(),
        }
    }

    /// Whether it is an object.
    pub fn is_struct(&self) -> bool {
        matches!(self.body, Body::Struct(_))
    }
}

impl Type {
    /// The names of the types in it.
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Named(name) => vec![name.clone()],
            Self::List(of) | Self::Map(of) => of.names(),
            Self::Union(of) => of.iter().flat_map(Self::names).collect(),
            _ => Vec::new(),
        }
    }

    fn union(mut of: Vec<Self>) -> Self {
        if of.len() == 1 { of.remove(0) } else { Self::Union(of) }
    }
}

fn declaration(name: &str, schema: &Value) -> Declaration {
    let variants = choices(schema).unwrap_or_default();
    let is_tagged = !variants.is_empty() && variants.iter().all(|variant| variant["properties"].is_object());
    let body = if is_tagged || schema["properties"].is_object() {
        let mut fields = fields(schema);
        if is_tagged {
            fields.extend(tagged(name, variants));
        }
        Body::Struct(fields)
    } else if variants.is_empty() {
        Body::Choice(vec![Variant { doc: String::new(), of: of(schema) }])
    } else {
        Body::Choice(variants.iter().flat_map(variant).collect())
    };
    Declaration { name: name.to_owned(), doc: doc(schema), body }
}

/// A variant, and behind it the other word that is read as the same.
fn variant(schema: &Value) -> impl Iterator<Item = Variant> {
    let own = Variant { doc: doc(schema), of: of(schema) };
    let alias = schema.get(ALIAS).map(|alias| {
        let doc = format!("The same as `{}`.", schema["const"].as_str().unwrap_or_default());
        Variant { doc, of: Type::Constant(alias.clone()) }
    });
    std::iter::once(own).chain(alias)
}

fn fields(schema: &Value) -> Vec<Field> {
    let Some(properties) = schema["properties"].as_object() else { return Vec::new() };
    let required = texts(&schema["required"]);
    let mut keys = texts(schema.get(ORDER).unwrap_or(&schema["required"]));
    keys.retain(|key| properties.contains_key(*key));
    let rest: Vec<_> = properties.keys().map(String::as_str).filter(|key| !keys.contains(key)).collect();
    keys.extend(rest);
    let field = |key: &str| Field {
        key: key.to_owned(),
        doc: doc(&properties[key]),
        of: of(&properties[key]),
        default: properties[key].get("default").cloned(),
        is_always_there: required.contains(&key),
        only_where: Vec::new(),
    };
    keys.into_iter().map(field).collect()
}

/// The fields of all variants of an enum that says in a field which one it is: first that one.
fn tagged(name: &str, variants: &[Value]) -> Vec<Field> {
    let has_constant = |field: &Field| matches!(field.of, Type::Constant(_));
    let tag = fields(&variants[0]).into_iter().find(has_constant);
    let tag = tag.unwrap_or_else(|| panic!("`{name}` does not say which variant it is")).key;
    let (mut words, mut merged, mut docs) = (Vec::new(), Vec::<Field>::new(), Vec::new());
    for variant in variants {
        let (tags, others): (Vec<_>, Vec<_>) =
            fields(variant).into_iter().partition(|field| field.key == tag);
        let word = &tags[0].of;
        let Type::Constant(Value::String(text)) = word else { panic!("`{name}` has no word for a variant") };
        docs.push((text.clone(), doc(variant)));
        for field in others {
            let here = (text.clone(), field.doc.clone());
            match merged.iter_mut().find(|known| known.key == field.key) {
                Some(known) => {
                    assert_eq!(known.of, field.of, "`{}` of `{name}` is of two types", field.key);
                    known.only_where.push(here);
                }
                None => {
                    merged.push(Field { only_where: vec![here], is_always_there: false, ..field });
                }
            }
        }
        words.push(word.clone());
    }
    let docs = docs.iter().map(|(word, doc)| format!("\n- `\"{word}\"`: {doc}"));
    let doc = format!("One of these:{}", docs.collect::<String>());
    let tag = Field {
        key: tag,
        doc,
        of: Type::union(words),
        default: None,
        is_always_there: true,
        only_where: Vec::new(),
    };
    std::iter::once(tag).chain(merged).collect()
}

fn of(schema: &Value) -> Type {
    if let Some(name) = schema["$ref"].as_str() {
        return Type::Named(name.trim_start_matches("#/$defs/").to_owned());
    }
    if let Some(constant) = schema.get("const") {
        return Type::Constant(constant.clone());
    }
    if let Some(words) = schema["enum"].as_array() {
        return Type::union(words.iter().cloned().map(Type::Constant).collect());
    }
    if let Some(choices) = choices(schema) {
        return Type::union(choices.iter().map(of).collect());
    }
    match &schema["type"] {
        Value::Array(words) => Type::union(words.iter().map(|word| plain(word, schema)).collect()),
        word => plain(word, schema),
    }
}

fn plain(word: &Value, schema: &Value) -> Type {
    match word.as_str() {
        Some("null") => Type::Null,
        Some("boolean") => Type::Bool,
        Some("integer") => Type::Integer,
        Some("number") => Type::Number,
        Some("string") if schema["format"] == "path" => Type::Path,
        Some("string") => Type::Text,
        Some("array") => Type::List(Box::new(of(&schema["items"]))),
        Some("object") if schema.get("properties").is_none() => {
            Type::Map(Box::new(of(&schema["additionalProperties"])))
        }
        _ => panic!("no type for {schema}"),
    }
}

fn choices(schema: &Value) -> Option<&[Value]> {
    schema["anyOf"].as_array().or(schema["oneOf"].as_array()).map(Vec::as_slice)
}

fn doc(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_default().to_owned()
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().map_or(&[][..], Vec::as_slice).iter().filter_map(Value::as_str).collect()
}
