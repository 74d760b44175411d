/** Where an image command prints, and what it ends with: the process, or a test's record of it. */
export interface Terminal {
  print(line: string): void;
  /** Without a line end. */
  write(text: string): void;
  complain(line: string): void;
  exitWith(code: number): void;
}

export const PROCESS_TERMINAL: Terminal = {
  print: (line) => console.log(line),
  write: (text) => void process.stdout.write(text),
  complain: (line) => console.error(line),
  exitWith(code) {
    process.exitCode = code;
  },
};
