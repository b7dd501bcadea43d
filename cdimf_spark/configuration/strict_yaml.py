"""A strict reader of YAML: every value stays text, and no key comes twice.

Plain YAML reads ``1e-3`` as text, ``010`` as eight and a domain called ``no`` as false, and lets
the second of two equal keys win in silence. Here the options themselves decide what a text means,
by the same rules as on the command line.
"""

from typing import Any

import yaml

from cdimf_spark.errors import ConfigurationError


class _TextLoader(yaml.BaseLoader):
    """Mappings, lists and texts only; refuses repeated keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping of a node, after a look at its keys."""
        seen: set[str] = set()
        for key, _ in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name is None or name in seen:
                problem = "a key is not a text" if name is None else f"{name!r} is there twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


def _in_a_line(error: Exception) -> str:
    """What is wrong and where; the advice that YAML's own message about tabs lacks."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return " ".join(str(error).split())
    mark, problem = error.problem_mark, error.problem or "cannot be read"
    advice = ". Indent with blanks, not with tabs" if "\\t" in problem else ""
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}{advice}"


def read_yaml(path: str) -> dict[str, Any]:
    """Return the options in a YAML file, all values as text.

    Raises
    ------
    ConfigurationError
        The file cannot be opened, is not YAML, repeats a key, or is not a mapping.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            # A BaseLoader cannot construct objects, whatever the tags in the file say.
            values = yaml.load(file, _TextLoader)
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {path!r}: {error.strerror}. Check the spelling"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path!r} is not valid YAML: {_in_a_line(error)}") from error
    if values is None or values == "":
        return {}
    if not isinstance(values, dict):
        raise ConfigurationError(f"{path!r} must have options as 'KEY: VALUE' lines")
    return values
