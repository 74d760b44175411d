/** `cowbench image SUBCOMMAND`: disk images as users of qemu-img handle them. */
import type { CommandModule } from 'yargs';
import { imageCommand } from '../image-tool/command.ts';
import { PROCESS_TERMINAL } from '../image-tool/terminal.ts';

export const image: CommandModule = imageCommand(PROCESS_TERMINAL);
