// The program is run by the name that was typed, so that a build that is not in PATH completes too.
#include "control/cli/shell_scripts.h"

namespace culvert::cli {
namespace {

constexpr std::string_view kBash =
    R"(# bash completion of culvert: source <(culvert completion bash)
_culvert() {
    local line word current=${COMP_WORDS[COMP_CWORD]}
    [[ $current == "=" ]] && current=
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ $line == :files ]]; then
            compopt -o filenames 2>/dev/null
            while IFS= read -r word; do
                COMPREPLY+=("$word")
            done < <(compgen -f -- "$current")
        elif [[ -n $line ]]; then
            COMPREPLY+=("${line%%$'\t'*}")
        fi
    done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _culvert culvert
)";

constexpr std::string_view kZsh = R"(#compdef culvert
# zsh completion of culvert: culvert completion zsh > _culvert, in a folder of $fpath
_culvert() {
    local line word files=0
    local -a found
    for line in "${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        if [[ $line == :files ]]; then
            files=1
        elif [[ -n $line ]]; then
            word=${line%%$'\t'*}
            found+=("${word//:/\\:}:${line#*$'\t'}")
        fi
    done
    (( $#found )) && _describe culvert found
    (( files )) && _files
}
if [[ $funcstack[1] == _culvert ]]; then
    _culvert "$@"
else
    compdef _culvert culvert
fi
)";

constexpr std::string_view kFish =
    R"(# fish completion of culvert, for ~/.config/fish/completions/culvert.fish
function __culvert_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    for line in ($before[1] __complete $before[2..-1] "$current" 2>/dev/null)
        if test "$line" = ":files"
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end
complete -c culvert -f -a '(__culvert_complete)'
)";

}  // namespace

std::string_view shell_script(std::string_view shell) {
  return shell == "bash" ? kBash : shell == "zsh" ? kZsh : shell == "fish" ? kFish : "";
}

}  // namespace culvert::cli
