// What an editor holds while somebody types: each problem at its place, and all the rest keeps its meaning.
import assert from 'node:assert/strict';
import { parseSource, printTree, tokensOf, withInsertions, withMarks, withoutMarks } from './fixture';
import { parseUnit } from '../../server/src/syntax/parse';
import { syntaxRules } from '../../server/src/syntax/problems';

/** A source with its marks, and the tree without the header. */
interface Example {
  readonly title: string;
  readonly source: string;
  readonly tree: string;
}

const groups: Readonly<Record<string, readonly Example[]>> = {
  'unfinished properties': [
    {
      title: 'no value yet, before another property',
      source: `
        / {
          reg =
             //| error[syntax-missing-value]
          status = "okay";
        };`,
      tree: '/ { reg?; status = "okay"; }',
    },
    {
      title: 'no value yet, at its semicolon',
      source: `
        / { reg = ; status = "okay"; };
               //| error[syntax-missing-value]`,
      tree: '/ { reg?; status = "okay"; }',
    },
    {
      title: 'cells that are not closed, before a property, a node and a flag',
      source: `
        / {
          reg = <0x0 0x1000
                         //| error[syntax-missing-bracket] ">;"
          status = "okay";
          ranges = <1
                   //| error[syntax-missing-bracket] ">;"
          dma-coherent;
          size = <2
                 //| error[syntax-missing-bracket] ">;"
          label: node@0 { };
        };`,
      tree: '/ { reg? = <0x0 0x1000>; status = "okay"; ranges? = <1>; dma-coherent; size? = <2>; label: node@0 { }; }',
    },
    {
      title: 'no semicolon',
      source: `
        / {
          a = <1>
               //| error[syntax-missing-semicolon] ";"
          b,c = "x"
                 //| error[syntax-missing-semicolon] ";"
          label: d = [00]
                       //| error[syntax-missing-semicolon] ";"
          e
         //| error[syntax-missing-semicolon] ";"
          f
         //| error[syntax-missing-semicolon] ";"
        };`,
      tree: '/ { a = <1>; b,c = "x"; label: d = [00]; e; f; }',
    },
    {
      title: 'no comma between values',
      source: `
        / { compatible = "a" "b"; reg = <1> <2>, [00] &x; };
                          //| error[syntax-missing-comma] ","
                                         //| error[syntax-missing-comma] ","
                                                   //| error[syntax-missing-comma] ","`,
      tree: '/ { compatible = "a", "b"; reg = <1>, <2>, [00], &x; }',
    },
    {
      title: 'commas without values',
      source: `
        / { a = <1>,; b = , <1>; c = <1>,, <2>; };
                  //| error[syntax-missing-value]
                       //| error[syntax-missing-value]
                                       //| error[syntax-missing-value]`,
      tree: '/ { a? = <1>; b? = <1>; c? = <1>, <2>; }',
    },
    {
      title: 'no equals sign',
      source: `
        / { status "okay"; reg <1 2>; };
                //| error[syntax-missing-equals] "="
                            //| error[syntax-missing-equals] "="`,
      tree: '/ { status = "okay"; reg = <1 2>; }',
    },
    {
      title: 'no quotes or brackets around the value',
      source: `
        / { status = okay; reg = 0x1000; size = (1 + 2); call = FOO(1, "a"), "b"; };
                   //^^^^ error[syntax-unknown-word]
                               //^^^^^^ error[syntax-unexpected]
                                              //^^^^^^^ error[syntax-unexpected]
                                                              //^^^^^^^^^^^ error[syntax-unknown-word]`,
      tree: '/ { status?; reg?; size?; call? = "b"; }',
    },
    {
      title: 'something behind the value',
      source: `
        / { a = <1> = <2>; b = <1>>; c = "x" ]; d; };
                  //^^^^^ error[syntax-unexpected]
                               //^^ error[syntax-unparenthesised]
                                 //| error[syntax-missing-bracket] ">"
                                           //^ error[syntax-unexpected]`,
      tree: '/ { a? = <1>; b? = <1>; c? = "x"; d; }',
    },
  ],

  'cell lists': [
    {
      title: 'a reference without its name',
      source: `
        / { iommus = <&>; msi-parent = <& };
                     //| error[syntax-missing-name]
                                       //| error[syntax-missing-name]`,
      tree: '/ { iommus? = <>; msi-parent? = <>; }',
    },
    {
      title: 'words that are no macros',
      source: `
        / { a = <1 2 GIC_SPI>; b = <GIC(1, 2) 3>, <(FOO + 1) 4>; };
                   //^^^^^^^ error[syntax-unknown-word]
                                  //^^^^^^^^^ error[syntax-unknown-word]
                                                  //^^^ error[syntax-unknown-word]`,
      tree: '/ { a? = <1 2 ?GIC_SPI>; b? = <?GIC (1,2) 3>, <(FOO+1) 4>; }',
    },
    {
      title: 'operators, commas and strings that do not belong there',
      source: `
        / { a = <1 + 2>, <1, 2>, <"x" 1>, <-1>; };
                 //^ error[syntax-unparenthesised]
                         //^ error[syntax-unexpected]
                                //^^^ error[syntax-unexpected]
                                         //^ error[syntax-unparenthesised]`,
      tree: '/ { a? = <1 2>, <1 2>, <1>, <1>; }',
    },
    {
      title: 'a list that opens before the last one is closed',
      source: `
        / { a = <1 2, <3 4>; b = <1 <2>; };
                  //| error[syntax-missing-bracket] ">"
                                 //| error[syntax-missing-bracket] ">,"`,
      tree: '/ { a? = <1 2>, <3 4>; b? = <1>, <2>; }',
    },
    {
      title: 'unfinished expressions',
      source: `
        / { a = <(1 + ) 2>, <()>, <(1 2) 3>, <(1 ? 2) 3>, <(1 : 2)>, <(1 + 2>; b = <(1 > 2)>; };
                   //| error[syntax-missing-value]
                            //| error[syntax-missing-value]
                                    //^ error[syntax-unexpected]
                                                  //| error[syntax-missing-value]
                                                            //^^^ error[syntax-unexpected]
                                                                          //| error[syntax-missing-bracket] ")"`,
      tree: '/ { a? = <(1+) 2>, <()>, <(12) 3>, <(1?2) 3>, <(1:2)>, <(1+2>>; b = <(1>2)>; }',
    },
    {
      title: 'widths that dtc does not know',
      source: `
        / { a = /bits/ 7 <1>; b = /bits/ <1>; c = /bits/ (8) <1>; d = /bits/ 8; e = /bits/ 8 <&x>; };
                     //^ error[syntax-bad-bits]
                                      //| error[syntax-bad-bits]
                                                       //^^^ error[syntax-bad-bits]
                                                                            //| error[syntax-missing-bracket]
                                                                                            //^^ error[syntax-reference-width]`,
      tree: '/ { a = bits 7 <1>; b? = <1>; c? = <1>; d?; e = bits 8 <&x>; }',
    },
  ],

  'byte strings and files': [
    {
      title: 'digits that are no bytes',
      source: `
        / { a = [0 11 zz]; b = [00 11; c; };
               //^ error[syntax-bad-byte]
                    //^^ error[syntax-bad-byte]
                                   //| error[syntax-missing-bracket] "]"`,
      tree: '/ { a? = [11]; b? = [00 11]; c; }',
    },
    {
      title: 'half an /incbin/',
      source: `
        / { a = /incbin/; b = /incbin/("x"; c = /incbin/("x", 1); };
                      //| error[syntax-missing-bracket] "("
                      //| error[syntax-missing-value]
                                        //| error[syntax-missing-bracket] ")"
                                                             //| error[syntax-missing-comma] ","
                                                             //| error[syntax-missing-value]`,
      tree: '/ { a?; b? = incbin("x"); c? = incbin("x", 1); }',
    },
  ],

  'unfinished nodes': [
    {
      title: 'open at the end of the file',
      source: `
        / {
          a = <1>;
          node {
            b = <2>;
                  //| error[syntax-missing-brace] "\\n          };\\n        };"`,
      tree: '/ { a = <1>; node { b = <2>; }; }',
    },
    {
      title: 'open to the last value',
      source: `
        / { node { b = <2
                       //| error[syntax-missing-bracket] ">;};};"`,
      tree: '/ { node { b? = <2>; }; }',
    },
    {
      title: 'open where the next reference begins',
      source: `
        / {
          node {
            b;
            //| error[syntax-missing-brace] "\\n          };"
        };
        &other { c; };`,
      tree: '/ { node { b; }; }\n&other { c; }',
    },
    {
      title: 'open where a node is deleted by reference',
      source: `
        / { node {
                //| error[syntax-missing-brace] "};};"
        /delete-node/ &other;`,
      tree: '/ { node { }; }\ndelete-node &other',
    },
    {
      title: 'open where a node of its own depth begins',
      source: `
        / {
          one {
            a;
            //| error[syntax-missing-brace] "\\n          };"
          two {
            b;
          };
          three {
          };
        };
        &other {
          c;
        };`,
      tree: '/ { one { a; }; two { b; }; three { }; }\n&other { c; }',
    },
    {
      title: 'just begun, above another',
      source: `
        / {
          soc {
            uart {
              a;
            };
            new {
               //| error[syntax-missing-brace] "\\n            };"
            spi {
              b;
            };
          };
        };`,
      tree: '/ { soc { uart { a; }; new { }; spi { b; }; }; }',
    },
    {
      title: 'two open where a node of the outer depth begins',
      source: `
        / {
          soc {
            bus {
              uart {
                a;
                //| error[syntax-missing-brace] "\\n              };\\n            };"
            spi {
              b;
            };
          };
        };`,
      tree: '/ { soc { bus { uart { a; }; }; spi { b; }; }; }',
    },
    {
      title: 'two open at different places',
      source: `
        / {
          one {
            a;
            //| error[syntax-missing-brace] "\\n          };"
          two {
            b;
          };
          three {
            c;
            //| error[syntax-missing-brace] "\\n          };"
          four { };
        };
        / { };`,
      tree: '/ { one { a; }; two { b; }; three { c; }; four { }; }\n/ { }',
    },
    {
      title: 'open in a file whose lines are indented otherwise elsewhere',
      source: `
        / {
            odd {
          a;
            };
          one {
            b;
            //| error[syntax-missing-brace] "\\n          };"
          two {
            c;
          };
        };
        / { };`,
      tree: '/ { odd { a; }; one { b; }; two { c; }; }\n/ { }',
    },
    {
      title: 'open without any indentation: at the last place where it can be',
      source: `
        / {
        one {
        a;
        two {
        b;
        };
        };
        //| error[syntax-missing-brace] "};"
        &other { };`,
      tree: '/ { one { a; two { b; }; }; }\n&other { }',
    },
    {
      title: 'no semicolon behind the brace',
      source: `
        / { a { } b { }; }
               //| error[syntax-missing-semicolon] ";"
                        //| error[syntax-missing-semicolon] ";"`,
      tree: '/ { a { }; b { }; }',
    },
    {
      title: 'no name',
      source: `
        / { { a; }; b { }; };
          //^ error[syntax-missing-name]`,
      tree: '/ { b { }; }',
    },
    {
      title: 'a label alone, a word alone',
      source: `
        / {
          a = <1>;
          label:
        //^^^^^^ error[syntax-label-place]
        };
        &label
            //| error[syntax-missing-brace]
        &other { };
        word
      //^^^^ error[syntax-unexpected]`,
      tree: '/ { a = <1>; }\n&other { }',
    },
  ],

  deletions: [
    {
      title: 'without a name',
      source: `
        / { /delete-property/; /delete-node/
                           //| error[syntax-missing-name]
                                          //| error[syntax-missing-name]
        };
        /delete-node/
                   //| error[syntax-missing-name]
        /delete-node/ &x;`,
      tree: '/ { }\ndelete-node &x',
    },
    {
      title: 'by reference in a node, by name outside',
      source: `
        / { a; /delete-node/ &foo; };
                           //^^^^ error[syntax-delete-form]
        /delete-node/ foo;
                    //^^^ error[syntax-delete-form]`,
      tree: '/ { a; }',
    },
  ],

  'braces and places': [
    {
      title: 'a brace too many at the end',
      source: `
        / { a { }; }; };
                    //^^ error[syntax-stray-brace]
        &b { };`,
      tree: '/ { a { }; }\n&b { }',
    },
    {
      title: 'a brace too many in the middle: what follows still belongs to the node',
      source: `
        / {
          a { b; }; };
                  //^^ error[syntax-stray-brace]
          c { d; };
          e { };
        };
        &f { };`,
      tree: '/ { a { b; }; c { d; }; e { }; }\n&f { }',
    },
    {
      title: 'a brace too many on a line of its own',
      source: `
        / {
          a {
            b;
          };
          };
        //^^ error[syntax-stray-brace]
          c {
            d;
          };
        };
        &f { };`,
      tree: '/ { a { b; }; c { d; }; }\n&f { }',
    },
    {
      title: 'a brace too many that closes the root early',
      source: `
        / {
          a {
            b;
          };
        };
      //^^ error[syntax-stray-brace]
          c {
            d;
          };
        };
        &f { };`,
      tree: '/ { a { b; }; c { d; }; }\n&f { }',
    },
    {
      title: 'a reference block in a node',
      source: `
        / { &a { b; }; c { }; };
          //^^ error[syntax-nested-reference]`,
      tree: '/ { &a { b; }; c { }; }',
    },
    {
      title: 'properties behind nodes, once a block',
      source: `
        / { s { }; a; b; /delete-property/ c; t { /delete-node/ u; v; }; };
                 //^ error[syntax-property-after-node]
                                                                 //^ error[syntax-property-after-node]`,
      tree: '/ { s { }; a; b; delete-property c; t { delete-node u; v; }; }',
    },
    {
      title: 'stray semicolons and tokens',
      source: `
        / { ;; a; = <1>; "x"; <1>; b; };
          //^ error[syntax-unexpected]
                //^^^^^ error[syntax-unexpected]
                       //^^^ error[syntax-unexpected]
                            //^^^ error[syntax-unexpected]`,
      tree: '/ { a; b; }',
    },
    {
      title: 'labels where dtc takes none',
      source: `
        one: / { };
      //^^^^ error[syntax-label-place]
        two: three: &x { };
           //^^^^^^ error[syntax-label-place]
        four: &y { };`,
      tree: 'one: / { }\ntwo: three: &x { }\nfour: &y { }',
    },
    {
      title: 'headers and reservations too late',
      source: `
        / { };
        /plugin/;
      //^^^^^^^^^ error[syntax-misplaced-header]
        /memreserve/ 1 2;
      //^^^^^^^^^^^^^^^^^ error[syntax-misplaced-reservation]
        /dts-v1/;
      //^^^^^^^^^ error[syntax-misplaced-header]`,
      tree: '/ { }\nplugin\nmemreserve 1 2\nversion',
    },
    {
      title: 'unreadable reservations',
      source: `
        /memreserve/ 0x100 FOO; /memreserve/ 1; /memreserve/ (1+) 2;
                         //^^^ error[syntax-unknown-word]
                                            //| error[syntax-missing-value]
                                                              //| error[syntax-missing-value]
        / { };`,
      tree: 'memreserve 0x100 ?\nmemreserve 1 ?\nmemreserve (1+) 2\n/ { }',
    },
    {
      title: 'a deletion before there is anything',
      source: `
        /delete-node/ &x;
      //^^^^^^^^^^^^^^^^^ error[syntax-first-item]
        / { };`,
      tree: 'delete-node &x\n/ { }',
    },
  ],
};

describe('recovery', () => {
  for (const [group, examples] of Object.entries(groups)) {
    describe(group, () => {
      for (const { title, source, tree } of examples) {
        it(title, () => {
          const marked = `/dts-v1/;${source}`;
          const plain = withoutMarks(marked);
          assert.equal(withMarks(plain), marked);
          assert.equal(printTree(parseSource(plain)), `version\n${tree}`);
        });
      }
    });
  }

  it('proposes insertions that leave nothing to insert', () => {
    for (const { title, source } of Object.values(groups).flat()) {
      const fixed = withInsertions(`/dts-v1/;${withoutMarks(source)}`);
      const left = parseSource(fixed).errors.filter(({ insert }) => insert !== undefined);
      assert.deepEqual(left, [], `${title}: ${fixed}`);
    }
  });

  it('asks for the version at the start of a unit without one', () => {
    const { errors } = parseSource('/ { };');
    assert.deepEqual(
      errors.map(({ rule, first, after, insert }) => ({ rule, first, after, insert })),
      [{ rule: 'syntax-missing-version', first: -1, after: true, insert: '/dts-v1/;\n' }],
    );
  });

  it('asks for a version alone in an empty file', () => {
    assert.deepEqual(
      parseSource('').errors.map(({ rule }) => rule),
      ['syntax-missing-version'],
    );
  });

  it('asks for a tree behind the headers', () => {
    assert.deepEqual(
      parseSource('/dts-v1/;').errors.map(({ rule, first, after }) => ({ rule, first, after })),
      [{ rule: 'syntax-missing-tree', first: 1, after: true }],
    );
  });

  it('reports headers that disagree', () => {
    const { errors } = parseSource('/dts-v1/; /plugin/; /dts-v1/; / { };');
    assert.deepEqual(
      errors.map(({ rule, first, last }) => ({ rule, first, last })),
      [{ rule: 'syntax-header-mismatch', first: 0, last: 3 }],
    );
  });

  it('says once that there are too many problems', () => {
    const { errors } = parseUnit(tokensOf(`/dts-v1/; / { ${'foo = ; '.repeat(5000)} };`));
    assert.equal(errors.length, 1001);
    assert.equal(errors.at(-1)!.rule, 'syntax-too-many');
  });

  it('knows every rule that it reports', () => {
    const known = new Set<string>(syntaxRules.map(({ id }) => id));
    for (const { source } of Object.values(groups).flat()) {
      for (const { rule } of parseSource(withoutMarks(source)).errors) assert.ok(known.has(rule), rule);
    }
  });
});
