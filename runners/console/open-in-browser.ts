/** Shows a file to whoever sits at this machine, by the program that the system has for that. */
import { spawn } from 'node:child_process';

const STARTED_MS = 500;

/** Null once it is on its way, or why nobody can be shown anything. Waits no longer than for a failure to start. */
export function openInBrowser(file: string): Promise<string | null> {
  const command = openCommand(process.platform, process.env);
  if (command === null) return Promise.resolve('this session has no display');
  const [program, ...words] = command;
  const child = spawn(program, [...words, file], { stdio: 'ignore', detached: true });
  child.unref();
  return new Promise((resolve) => {
    const started = setTimeout(() => resolve(null), STARTED_MS);
    const end = (problem: string | null) => {
      clearTimeout(started);
      resolve(problem);
    };
    child.on('error', () => end(`${program} is not installed`));
    child.on('exit', (code) => end(code === 0 ? null : `${program} failed`));
  });
}

/** The words that open a file; null where there is nobody to show it to. */
export function openCommand(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): [string, ...string[]] | null {
  if (platform === 'darwin') return ['open'];
  if (platform === 'win32') return ['cmd', '/c', 'start', ''];
  return (env.DISPLAY ?? env.WAYLAND_DISPLAY ?? '') === '' ? null : ['xdg-open'];
}
