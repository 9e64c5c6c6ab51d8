"""What of a text is prose: rules on prose must leave code, formulas, paths and addresses of web pages alone."""

import re
from functools import lru_cache

# Every part finds its end or gives up at the next place where one may begin, so that the whole is linear.
_ASIDE = re.compile(
    r"(?P<fence>`{3,}|~~~+)[\s\S]*?(?:(?P=fence)|\Z)"
    r"|`[^`\n]*+`"
    r"|<(?:code|pre)\b[^<]*+</"
    r"|\$\$[^$]*+\$\$"
    r"|\$(?=[^\s$])[^$\n]*+\$(?![0-9])"
    r"|\\\((?:[^\\]|\\(?![()]))*+\\\)"
    r"|\\\[(?:[^\\]|\\(?![\[\]]))*+\\\]"
    r"|\b[A-Za-z]:\\[^\s\"'<>|，。；、]*+"
    r"|(?<![\w\\])\\\\\w[^\s\"'<>|，。；、]*+"
    r"|\bhttps?://[^\s\"'<>，。；、）)]++"
)
_MAY_HOLD = re.compile(r"[`~$\\<]|://")
_CODE = re.compile(
    r"^[ \t]*+(?:(?:def|class|async def) +\w+ *[(:]|from [\w.]+ import |import \w[\w.]*(?:;|$)"
    r"|# ?include\b|using namespace"
    r"|(?:public|private|protected|static) +\w+ +\w+|(?:const|let|var) +\w+ *=|func(?:tion)? +\w+ *\(|package +\w+;?$"
    r"|print(?:ln|f)?\(|return\b[^.\n]*;$|(?:for|if|while|switch) ?\([^\n]*\) ?\{?$|(?:for|if|while|elif)\b[^\n]*:$"
    r"|(?i:select\b[^\n]*\bfrom|insert into|update +\w+ +set|create (?:table|database)|delete from|drop table)\b"
    r"|<(?:!doctype|html|head|body|\?xml|\?php|div|script|style|svg)\b|#!/|\$ +\w|>>> )"
    r"|[;{][ \t]*$|^[ \t]*+\}[;,)]*$|^\w[\w.\[\]]* *=(?!=)[^\n=]*$|\w\([^()\n]*\)[ \t]*[;{]"
    r"|=> *\{|console\.log|System\.out",
    re.MULTILINE,
)
_ABOUT_CODE = re.compile(
    r"(?<![A-Za-z])(?:code|codes|coding|program|programming|function|script|regex"
    r"|regular expressions?|json|yaml|xml|html|css"
    r"|sql|query|python|java|javascript|typescript|c\+\+|bash|shell|latex|markdown|csv|dict|dictionary|array|arrays|tuple"
    r"|syntax|compiler?|variables?|strings?|escape|backslash|newline|templates?|placeholders?|format|tags?|parse|api|schema"
    r"|lists?|sets?|object|objects|tokens?|algorithm|class|extract|entities|key-value|implement|print|output)(?![A-Za-z])"
    r"|代码|程序|编程|函数|脚本|正则|列表|数组|字典|元组|集合|格式|标签|模板|占位|变量|字符串|转义|换行符|制表符|反斜杠|网页"
    r"|接口|解析|抽取|提取|结构化|键值|对象|类型|算法|实现|公式|输出|查询|语句|命令|编码|实体",
    re.IGNORECASE,
)


@lru_cache(maxsize=8)
def prose(text: str) -> str:
    """``text`` with every stretch of code, formula, path or web address blanked; every place stays where it was."""
    if not _MAY_HOLD.search(text):
        return text
    return _ASIDE.sub(lambda aside: " " * len(aside.group()), text)


@lru_cache(maxsize=8)
def is_code(text: str) -> bool:
    """Whether ``text`` holds lines of a program without a fence."""
    return _CODE.search(text) is not None


@lru_cache(maxsize=8)
def is_about_code(text: str) -> bool:
    """Whether ``text`` speaks of code, markup or data formats, so that their signs are no leftovers."""
    return _ABOUT_CODE.search(text) is not None
