// The fleet as one stream of YAML documents: two disks and a VM for each number of each group.
local apiVersion = 'apps.cozystack.io/v1alpha1';

local disk(name, group, source, storage) = {
  apiVersion: apiVersion,
  kind: 'VMDisk',
  metadata: {
    name: name,
    namespace: group.namespace,
    annotations: {
      'argocd.argoproj.io/sync-options': 'Prune=confirm,Delete=confirm',
      'argocd.argoproj.io/sync-wave': '-1',
      'kustomize.toolkit.fluxcd.io/prune': 'disabled',
    },
  },
  spec: {
    source: source,
    optical: false,
    storage: storage,
    storageClass: 'replicated',
  },
};

local machine(name, group, number) = {
  apiVersion: apiVersion,
  kind: 'VMInstance',
  metadata: {
    name: name,
    namespace: group.namespace,
  },
  spec: {
    external: std.length(group.ports) > 0,
    externalMethod: 'PortList',
    externalPorts: group.ports,
    running: true,
    instanceType: if std.member(group.ownSizes, number) then 'u1.xlarge' else 'u1.large',
    instanceProfile: 'ubuntu',
    disks: [name + '-system', name + '-data'],
    sshKeys: [],
    cloudInit: std.strReplace(
      std.strReplace(std.strReplace(group.cloudInit, 'NAME', name), 'NUMBER', '%d' % number), 'GROUP', group.name
    ),
    cloudInitSeed: '',
  },
};

function(groups) std.manifestYamlStream(
  std.flattenArrays([
    local name = '%s-%d' % [group.name, number];
    [
      disk(name + '-system', group, { image: { name: 'ubuntu-2404' } }, '20Gi'),
      disk(name + '-data', group, {}, '50Gi'),
      machine(name, group, number),
    ]
    for group in groups
    for number in std.range(1, group.count)
  ]),
  indent_array_in_object=true,
  quote_keys=false,
)
