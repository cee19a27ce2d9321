//! Tensors written on the command line: `1,2,3`, `[[1, 2], [3, 4]]`, `["a", "b"]`.

use ortlet::tensor::{DType, Shape, Tensor};
use ortlet::{Error, Result};

use crate::scalar::Encoder;

/// Deeper lists than the highest rank of a tensor are a mistake.
const MAX_DEPTH: usize = ortlet::tensor::MAX_RANK;

/// A parsed literal.
pub struct Literal {
    elements: Elements,
    count: usize,
    /// The lengths of the nested lists; `None` without any brackets, when the model's shape may decide.
    shape: Option<Shape>,
}

enum Elements {
    Strings(Vec<String>),
    Encoded(Encoder),
}

impl Literal {
    /// Parses the text. Bare text for a string tensor is one string.
    ///
    /// # Errors
    /// `invalid_argument` if brackets do not match, lists of one level differ in length, or an element does not fit
    /// into the type.
    pub fn parse(text: &str, dtype: DType) -> Result<Self> {
        let text = text.trim();
        if dtype == DType::String && !text.starts_with(['[', '"']) {
            let elements = Elements::Strings(vec![text.to_string()]);
            return Ok(Self { elements, count: 1, shape: None });
        }
        let bare = !text.starts_with('[');
        let wrapped = if bare { format!("[{text}]") } else { text.to_string() };
        let mut lists = Lists::default();
        let mut rest = wrapped.as_str();
        while !rest.is_empty() {
            rest = lists.take(rest)?.trim_start();
        }
        let (words, dims) = lists.finish()?;
        let count = words.len();
        let elements = if dtype == DType::String {
            Elements::Strings(words)
        } else {
            let mut encoder = Encoder::new(dtype, count);
            words.iter().try_for_each(|word| encoder.text(word))?;
            Elements::Encoded(encoder)
        };
        Ok(Self { elements, count, shape: (!bare).then(|| dims.into()) })
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// The shape that the brackets say, if there are any.
    pub fn shape(&self) -> Option<&Shape> {
        self.shape.as_ref()
    }

    /// The tensor of this shape.
    ///
    /// # Errors
    /// `tensor_mismatch` if the number of elements does not fit.
    pub fn tensor(self, shape: Shape) -> Result<Tensor> {
        match self.elements {
            Elements::Strings(strings) => Tensor::from_strings(shape, strings),
            Elements::Encoded(encoder) => encoder.finish(shape),
        }
    }
}

/// Nested lists while they are read, without recursion.
#[derive(Default)]
struct Lists {
    words: Vec<String>,
    /// Elements so far of each open list.
    open: Vec<usize>,
    /// Length of the lists of each level, once one has closed.
    lengths: Vec<Option<usize>>,
    /// Level at which the words are.
    leaf: Option<usize>,
    /// Whether an element has just ended, so that a comma or bracket must follow.
    after_element: bool,
    done: bool,
}

impl Lists {
    /// Takes one bracket, comma or word off the text.
    fn take<'a>(&mut self, rest: &'a str) -> Result<&'a str> {
        if self.done {
            return Err(malformed(format!("`{rest}` follows the closing bracket")));
        }
        if let Some(rest) = rest.strip_prefix('[') {
            self.open_list().map(|()| rest)
        } else if let Some(rest) = rest.strip_prefix(']') {
            self.close_list().map(|()| rest)
        } else if let Some(rest) = rest.strip_prefix(',') {
            match std::mem::take(&mut self.after_element) {
                true => Ok(rest),
                false => Err(malformed("a comma without a value before it")),
            }
        } else {
            let (word, rest) = split_word(rest)?;
            self.element(Some(self.open.len()))?;
            self.words.push(word);
            self.after_element = true;
            Ok(rest)
        }
    }

    /// Counts an element of the innermost open list; `leaf` is its level if it is a word.
    fn element(&mut self, leaf: Option<usize>) -> Result<()> {
        if self.after_element {
            return Err(malformed("a comma is missing between values"));
        }
        if leaf.is_some() && *self.leaf.get_or_insert(self.open.len()) != self.open.len()
            || leaf.is_none() && self.leaf.is_some_and(|level| self.open.len() >= level)
        {
            return Err(malformed("values and lists stand side by side"));
        }
        if let Some(count) = self.open.last_mut() {
            *count += 1;
        }
        Ok(())
    }

    fn open_list(&mut self) -> Result<()> {
        self.element(None)?;
        if self.open.len() == MAX_DEPTH {
            return Err(Error::limit_exceeded("rank", MAX_DEPTH as u64, self.open.len() as u64 + 1));
        }
        self.open.push(0);
        self.lengths.resize(self.lengths.len().max(self.open.len()), None);
        Ok(())
    }

    fn close_list(&mut self) -> Result<()> {
        let count = self.open.pop().ok_or_else(|| malformed("a closing bracket too many"))?;
        let expected = *self.lengths[self.open.len()].get_or_insert(count);
        if expected != count {
            return Err(malformed(format!("lists of one level have {expected} and {count} elements")));
        }
        self.after_element = true;
        self.done = self.open.is_empty();
        Ok(())
    }

    fn finish(self) -> Result<(Vec<String>, Vec<usize>)> {
        if !self.done {
            return Err(malformed("a closing bracket is missing"));
        }
        let dims: Vec<usize> = self.lengths.into_iter().flatten().collect();
        // `[[], [1]]` would pass the checks above level by level.
        if Shape::new(&dims).element_count()? != self.words.len() {
            return Err(malformed("lists of one level differ in length"));
        }
        Ok((self.words, dims))
    }
}

/// Splits off a word or a JSON string.
fn split_word(text: &str) -> Result<(String, &str)> {
    if text.starts_with('"') {
        let mut strings = serde_json::Deserializer::from_str(text).into_iter::<String>();
        let word = strings.next().and_then(std::result::Result::ok);
        let word = word.ok_or_else(|| malformed(format!("`{text}` does not begin with a whole string")))?;
        return Ok((word, &text[strings.byte_offset()..]));
    }
    let end = text.find(['[', ']', ',']).unwrap_or(text.len());
    Ok((text[..end].trim().to_string(), &text[end..]))
}

fn malformed(reason: impl Into<String>) -> Error {
    Error::invalid_argument("value", reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(usize, Option<Shape>)> {
        let literal = Literal::parse(text, DType::F32)?;
        Ok((literal.len(), literal.shape().cloned()))
    }

    #[test]
    fn lists_have_shapes() {
        assert_eq!(parse("1, 2,3").unwrap(), (3, None));
        assert_eq!(parse("7").unwrap(), (1, None));
        assert_eq!(parse(" [[1,2,3],[4, 5,6]] ").unwrap(), (6, Some([2, 3].into())));
        assert_eq!(parse("[]").unwrap(), (0, Some([0].into())));
        assert_eq!(parse("[[],[]]").unwrap(), (0, Some([2, 0].into())));
        assert_eq!(parse("[[[1]]]").unwrap(), (1, Some([1, 1, 1].into())));
    }

    #[test]
    fn malformed_lists_are_refused() {
        for text in [
            "[1,2",
            "1]",
            "[1,[2]]",
            "[[1],2]",
            "[[1],[2,3]]",
            "[[],[1]]",
            "[[1],[]]",
            ",",
            "1,,2",
            "[1]2",
            "[1][2]",
            "[[1][2]]",
            "[,]",
            "[[1],[[2]]]",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn strings_are_json_or_bare() {
        let strings = |text: &str, shape: &[usize]| {
            let tensor = Literal::parse(text, DType::String)?.tensor(shape.into())?;
            Ok::<_, Error>(tensor.as_strings()?.to_vec())
        };
        assert_eq!(strings(r#"["a, b", "c]\n"]"#, &[2]).unwrap(), ["a, b", "c]\n"]);
        assert_eq!(strings("hello, world", &[1]).unwrap(), ["hello, world"]);
        assert!(strings(r#"["a"#, &[1]).is_err());
    }
}
