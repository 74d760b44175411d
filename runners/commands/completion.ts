/** `cowbench completion SHELL`: the lines that teach a shell to complete words of `cowbench`. */
import type { CommandModule } from 'yargs';
import { UsageError } from '../console/errors.ts';
import { unknownWord } from '../console/suggest.ts';

/** Asked for by the shells; the words follow, the last of them is the one to complete. */
const COMPLETE_WORD = '__complete';

// For bash a word begins after a colon or an equals sign, too: what precedes it is cut off from the answers.
const BASH = `_cowbench() {
  local line="\${COMP_LINE:0:$COMP_POINT}"
  local -a words
  read -ra words <<< "$line"
  [[ "$line" == *[[:space:]] ]] && words+=("")
  local last="\${words[\${#words[@]}-1]}" IFS=$'\\n'
  local head="\${last%"\${last##*[:=]}"}"
  COMPREPLY=($(cowbench ${COMPLETE_WORD} "\${words[@]:1}" 2>/dev/null))
  COMPREPLY=("\${COMPREPLY[@]#"$head"}")
  [[ "\${COMPREPLY[0]:-}" == *[:=] ]] && compopt -o nospace 2>/dev/null
  return 0
}
complete -o default -F _cowbench cowbench
`;

// As a file in a directory of fpath it is loaded by the first completion, which it must answer, too.
const ZSH = `#compdef cowbench
_cowbench() {
  local -a found
  found=("\${(@f)$(cowbench ${COMPLETE_WORD} "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${found[1]:-}" ]]; then compadd -Q -- "\${found[@]}"; else _files; fi
}
if [[ "\${funcstack[1]:-}" == _cowbench ]]; then _cowbench "$@"; else compdef _cowbench cowbench; fi
`;

const SCRIPTS: Readonly<Record<string, string>> = { bash: BASH, zsh: ZSH };

export const completion: CommandModule<object, { shell: string }> = {
  command: 'completion <shell>',
  describe: 'print what teaches bash or zsh to complete commands, options, policies, workloads and records',
  builder: (yargs) =>
    yargs
      .positional('shell', { type: 'string', describe: 'bash or zsh', demandOption: true })
      .example('$0 completion bash >> ~/.bashrc', 'for bash')
      .example('$0 completion zsh > ~/.zfunc/_cowbench', 'for zsh, in a directory of its fpath'),
  handler: ({ shell }) => {
    const script = SCRIPTS[shell];
    if (script === undefined) throw new UsageError(unknownWord('shell', shell, Object.keys(SCRIPTS)));
    process.stdout.write(script);
  },
};
