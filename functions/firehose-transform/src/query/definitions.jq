# What jq 1.6 has and jaq has not, or has in another way. Functions that end in `_native` are jaq's own.

def @json: tojson;
def tostream: path(def r: (.[]?|r), .; r) as $p | getpath($p) | reduce path(.[]?) as $q ([$p, .]; [$p+$q]);
def fromstream(f): {x: null, e: false} as $init
  | foreach f as $i ($init;
      if .e then $init else . end
      | if $i | length == 2
        then setpath(["e"]; $i[0] | length == 0) | setpath(["x"] + $i[0]; $i[1])
        else setpath(["e"]; $i[0] | length == 1) end;
      if .e then .x else empty end);
def truncate_stream(stream): . as $n | null | stream | . as $input
  | if (.[0] | length) > $n then setpath([0]; .[0][$n:]) else empty end;

# Strings
def ltrimstr($prefix): if type == "string" and ($prefix | type) == "string" then ltrimstr_native($prefix) else . end;
def rtrimstr($suffix): if type == "string" and ($suffix | type) == "string" then rtrimstr_native($suffix) else . end;
def @sh: [if type == "array" then .[] else . end | if type == "string" then "'\(escape_sh)'"
    elif type == "array" or type == "object" then error("\(type) can not be escaped for shell") else tojson end] | join(" ");
def ascii_downcase: if type == "string" then ascii_downcase_native else error("explode input must be a string") end;
def ascii_upcase: if type == "string" then ascii_upcase_native else error("explode input must be a string") end;
def @csv: if type == "array"
  then map(if type == "string" then escape_csv elif . == null then "" elif type == "number" or type == "boolean" then tojson
      else error("\(type) is not valid in a csv row") end) | join(",")
  else error("\(type) cannot be csv-formatted, only an array can be") end;
def @tsv: if type == "array"
  then map(if type == "string" then escape_tsv elif . == null then "" elif type == "number" or type == "boolean" then tojson
      else error("\(type) is not valid in a tsv row") end) | join("\t")
  else error("\(type) cannot be tsv-formatted, only an array can be") end;

def format($name): if $name == "text" then @text elif $name == "json" then @json elif $name == "csv" then @csv
  elif $name == "tsv" then @tsv elif $name == "html" then @html elif $name == "uri" then @uri elif $name == "sh" then @sh
  elif $name == "base64" then @base64 elif $name == "base64d" then @base64d else error("not a valid format") end;

# Numbers
def gamma: lgamma;
def nearbyint: rint;

# Generators
def range($from; $to; $by): if ($from | type) == "number" and ($to | type) == "number" and ($by | type) == "number"
  then if $by == 0 then empty else range_native($from; $to; $by) end else error("Range bounds must be numeric") end;
def range($from; $to): range($from; $to; 1);
def range($to): range(0; $to; 1);
def last(f): reduce f as $x (null; $x);
def nth($n; f): if $n < 0 then error("nth doesn't support negative indices") else first(skip($n; f)) end;

# Membership
def in(xs): . as $x | xs | has($x);
def inside(xs): . as $x | xs | contains($x);
def IN(src): any(src == .; .);
def IN(src; s): any(src == s; .);
def INDEX(stream; f): reduce stream as $row ({}; .[$row | f | tostring] |= $row);
def INDEX(f): INDEX(.[]; f);
def JOIN($index; key): [.[] | [., $index[key]]];
def JOIN($index; rows; key): rows | [., $index[key]];
def JOIN($index; rows; key; row): rows | [., $index[key]] | row;
def index($i): indices($i) | .[0];
def rindex($i): indices($i) | .[-1:][0];

# Paths
def leaf_paths: paths(scalars);
def del(f): delpaths([path(f)]);
def recurse_down: recurse;

# Arrays and objects
def with_entries(f): to_entries | map(f) | from_entries;
def transpose: if . == [] then [] else . as $in | (map(length) | max) as $max
  | [range(0; $max) as $j | [range(0; $in | length) as $i | $in[$i][$j]]] end;
def flatten($depth): if $depth < 0 then error("flatten depth must not be negative") else
    def level($depth): reduce .[] as $x ([];
      if ($x | type) == "array" and $depth != 0 then . + ($x | level($depth - 1)) else . + [$x] end);
    level($depth) end;
def flatten: flatten(1e9);
def walk(f): def each: if type == "object" then map_values(each) elif type == "array" then map(each) else . end | f; each;

# Regular expressions
def test(re; flags): test_native(re; flags);
def match($val): ($val | type) as $t | if $t == "string" then match($val; null)
  elif $t == "array" and ($val | length) > 1 then match($val[0]; $val[1])
  elif $t == "array" and ($val | length) > 0 then match($val[0]; null)
  else error("\($t) not a string or array") end;
def test($val): ($val | type) as $t | if $t == "string" then test($val; null)
  elif $t == "array" and ($val | length) > 1 then test($val[0]; $val[1])
  elif $t == "array" and ($val | length) > 0 then test($val[0]; null)
  else error("\($t) not a string or array") end;
def capture($val): ($val | type) as $t | if $t == "string" then capture($val; null)
  elif $t == "array" and ($val | length) > 1 then capture($val[0]; $val[1])
  elif $t == "array" and ($val | length) > 0 then capture($val[0]; null)
  else error("\($t) not a string or array") end;
def scan($re; $flags): match($re; "g" + $flags) | if (.captures | length) > 0 then [.captures[].string] else .string end;
def scan($re): scan($re; "");

# Time
def todateiso8601: strftime("%Y-%m-%dT%H:%M:%SZ");
def todate: todateiso8601;
def date: todate;
def dateadd(u; n): . + n;
def datesub(u; n): . - n;
def fromdateiso8601: strptime("%Y-%m-%dT%H:%M:%SZ") | mktime;
def fromdate: fromdateiso8601;
