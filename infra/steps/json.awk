# One line for each value of a JSON file: its path, a tab, the value. `a.b.3.c<TAB>text`; lists count from 0.
# Strings lose their quotes; escapes stay as they stand, which names, ids and types don't have.
function value(text) {
  print path() "\t" text
  after()
}
function path(  level, text) {
  for (level = 1; level <= depth; level++) text = text (level > 1 ? "." : "") at[level]
  return text
}
function after() { if (depth && list[depth]) at[depth]++ }
{
  rest = $0
  while (match(rest, /"([^"\\]|\\.)*"|[][{}:,]|[^][{}:,"[:space:]]+/)) {
    token = substr(rest, RSTART, RLENGTH)
    rest = substr(rest, RSTART + RLENGTH)
    if (token == "{" || token == "[") { list[++depth] = token == "["; at[depth] = 0; isKey = token == "{" }
    else if (token == "}" || token == "]") { depth--; after() }
    else if (token == ",") isKey = !list[depth]
    else if (token == ":") isKey = 0
    else {
      if (token ~ /^"/) token = substr(token, 2, length(token) - 2)
      if (isKey) at[depth] = token; else value(token)
    }
  }
}
