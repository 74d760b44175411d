/** What the entry points of the package export, with its documentation, read from the sources. */
import path from 'node:path';
import {
  type ClassDeclaration,
  type ClassMemberTypes,
  type ExportedDeclarations,
  type JSDoc,
  Node,
  Project,
  type PropertyDeclaration,
  Scope,
  SyntaxKind,
  type TypeElementTypes,
  type VariableDeclaration,
} from 'ts-morph';
import { PROJECT_ROOT } from '../console/project-root.ts';

/** In the order in which they are documented; a symbol belongs to the last that exports it, which is the narrower one. */
export const ENTRY_POINTS: Readonly<Record<string, string>> = {
  cowbench: 'engine/index.ts',
  'cowbench/instruments': 'engine/instruments/index.ts',
  'cowbench/workloads': 'workloads/index.ts',
  'cowbench/results': 'results/index.ts',
};

export interface ApiMember {
  readonly signature: string;
  /** Markdown, with `{@link X}` as it was written. Empty where the name says it all. */
  readonly doc: string;
}

export interface ApiSymbol extends ApiMember {
  readonly name: string;
  readonly entry: string;
  /** From the root. */
  readonly file: string;
  readonly members: readonly ApiMember[];
}

/** Every symbol of the entry points, each once. `root` is the folder of the sources. */
export function apiSymbols(root = PROJECT_ROOT, entries = ENTRY_POINTS): ApiSymbol[] {
  const project = new Project({
    compilerOptions: { allowImportingTsExtensions: true, noEmit: true, module: 199, moduleResolution: 99, target: 99 },
    skipAddingFilesFromTsConfig: true,
    skipLoadingLibFiles: true,
  });
  for (const file of Object.values(entries)) project.addSourceFileAtPath(path.join(root, file));
  project.resolveSourceFileDependencies();
  const found = new Map<string, ApiSymbol>();
  for (const [entry, file] of Object.entries(entries)) {
    for (const [name, declarations] of project.getSourceFileOrThrow(path.join(root, file)).getExportedDeclarations()) {
      found.set(name, symbolOf(name, entry, declarations, root));
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function symbolOf(name: string, entry: string, declarations: readonly ExportedDeclarations[], root: string): ApiSymbol {
  const [first] = declarations;
  if (first === undefined) throw new Error(`${entry}: ${name} leads to no declaration`);
  const members = declarations.flatMap((one): (ClassMemberTypes | TypeElementTypes)[] =>
    Node.isClassDeclaration(one) ? publicMembers(one) : Node.isInterfaceDeclaration(one) ? one.getMembers() : [],
  );
  return {
    ...{ name, entry, file: path.relative(root, first.getSourceFile().getFilePath()) },
    signature: signaturesOf(declarations).join('\n'),
    doc: declarations.map((one) => docOf(holderOf(one))).find((doc) => doc !== '') ?? '',
    members: members.map((member) => ({ signature: withoutBody(member), doc: docOf(member) })),
  };
}

/** A `const` is documented where its statement is. */
function holderOf(declaration: Node): Node {
  return Node.isVariableDeclaration(declaration) ? (declaration.getVariableStatement() ?? declaration) : declaration;
}

function publicMembers(declaration: ClassDeclaration): ClassMemberTypes[] {
  return declaration.getMembers().filter((member) => {
    if (Node.isClassStaticBlockDeclaration(member)) return false;
    if (member.getScope() !== Scope.Public) return false;
    if (Node.isSetAccessorDeclaration(member)) return false;
    return Node.isConstructorDeclaration(member) || !member.getName().startsWith('#');
  });
}

function docOf(node: Node): string {
  const doc = Node.isJSDocable(node) ? node.getJsDocs().at(-1) : undefined;
  if (doc === undefined) return '';
  // What is apart from the declaration is about the file.
  const between = node.getSourceFile().getFullText().slice(doc.getEnd(), node.getStart());
  return between.includes('\n\n') ? '' : docText(doc);
}

function docText(doc: JSDoc): string {
  const tags = doc.getTags().map((tag) => {
    const text = (tag.getCommentText() ?? '').replace(/\s+/g, ' ');
    return tag.getTagName() === 'throws' ? `Throws ${text}` : `${tag.getTagName()}: ${text}`;
  });
  return [doc.getDescription().trim(), ...tags].filter((text) => text !== '').join('\n\n');
}

/** A type that is also a value (a schema) is shown as the value: its type follows from it. */
function signaturesOf(declarations: readonly ExportedDeclarations[]): string[] {
  const values = declarations.filter((one) => !Node.isTypeAliasDeclaration(one));
  return (values.length > 0 ? values : declarations).map(withoutBody);
}

/** The declaration as a reader needs it: no body, no initial value unless it says what the type is. */
function withoutBody(node: Node): string {
  if (Node.isVariableDeclaration(node)) return `const ${valueText(node)}`;
  if (Node.isPropertyDeclaration(node)) {
    const isReadonly = node.hasModifier(SyntaxKind.ReadonlyKeyword);
    return `${isReadonly ? 'readonly ' : ''}${valueText(node)}`;
  }
  const body =
    Node.isClassDeclaration(node) || Node.isInterfaceDeclaration(node)
      ? node.getFirstChildByKind(SyntaxKind.OpenBraceToken)
      : Node.isBodyable(node) || Node.isBodied(node)
        ? node.getBody()
        : undefined;
  const start = node.getStart();
  const end = body === undefined ? node.getEnd() : body.getStart();
  return tidy(node.getSourceFile().getFullText().slice(start, end));
}

function valueText(node: VariableDeclaration | PropertyDeclaration): string {
  const initial = node.getInitializer();
  const cast = Node.isAsExpression(initial) ? initial.getTypeNode()?.getText() : undefined;
  const type = node.getTypeNode()?.getText() ?? (cast === 'const' ? undefined : cast);
  if (type !== undefined) return `${node.getName()}: ${type}`;
  const isPlain = Node.isLiteralExpression(initial) || cast === 'const';
  return isPlain ? `${node.getName()} = ${initial!.getText()}` : node.getName();
}

function tidy(text: string): string {
  return text.replace(/^export\s+/, '').replace(/[;\s]+$/, '');
}
