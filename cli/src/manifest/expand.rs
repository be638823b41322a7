//! Values from the environment.

/// `text` with each `${NAME}` replaced by what `lookup` says of it.
///
/// # Errors
///
/// The name that it says nothing of, or that does not end.
pub(crate) fn expand(
    text: &str,
    lookup: impl Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after
            .split_once('}')
            .ok_or_else(|| "`${` has no `}`: write `${NAME}`".to_owned())?;
        let value = lookup(name)
            .ok_or_else(|| format!("the environment has no variable `{name}`: set it"))?;
        expanded.push_str(before);
        expanded.push_str(&value);
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced_by_their_values() {
        let lookup = |name: &str| (name == "A").then(|| "x".to_owned());
        assert_eq!(expand("1${A}2${A}", lookup), Ok("1x2x".to_owned()));
        assert_eq!(expand("$A {A}", lookup), Ok("$A {A}".to_owned()));
        assert!(expand("${B}", lookup).unwrap_err().contains("`B`"));
        assert!(expand("${A", lookup).is_err());
    }
}
