"""The page of a run: complete in itself, right in its numbers, kept where a part fails."""

import base64
import json
import math
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from support.small_models import random_images
from support.tool_runs import result, run_tool
from tfwolf.core.choices import PLOT_PARTS
from tfwolf.plots.figure_files import write_figure
from tfwolf.plots.latent_dimensions import kl_per_dimension
from tfwolf.report import findings, uses
from tfwolf.report.page import Part, Row, page
from tfwolf.report.paper import paper_of
from tfwolf.report.plot_sections import OF_PARTS, PLOTS, plot_parts
from tfwolf.report.summary import summary_of
from tfwolf.runs.config_text import bindings


@pytest.fixture(scope='module')
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp('pictures') / 'a.png'
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)).save(path)
    return path


def test_a_page_holds_everything_and_escapes_texts(picture):
    parts = [
        Part(
            'A < B',
            'Words & more',
            'python tools/x.py --flag="<a>"',
            [Row('z', '59 %', '59.53')],
            [(picture, 'a "picture"')],
            seconds=12.4,
        ),
        Part('Gone', 'Nothing', 'python tools/y.py', problem='No <labels>.'),
    ]
    text = page('A run', {'checkpoint': 'ckpt-1'}, parts, 'train.batch_size = 1')
    assert (
        'A &lt; B' in text
        and 'No &lt;labels&gt;.' in text
        and '<a>' not in text
        and '59.53' in text
        and 'in 12 s' in text
    )
    assert text.count('scope="col">Wolf') == 1
    assert re.findall(r'(?:src|href)="([^"]{0,5})', text) == ['#part', '#part', 'data:'], (
        'nothing is loaded from elsewhere'
    )
    embedded = re.search(r'data:image/png;base64,([^"]+)', text)[1]
    assert base64.b64decode(embedded) == picture.read_bytes() and 'width="4" height="4"' in text


@pytest.fixture(scope='module')
def unlabelled(tmp_path_factory):
    """Returns the flag for images without labels."""
    path = tmp_path_factory.mktemp('data') / 'plain.npz'
    np.savez(path, images=random_images(200, (8, 8, 1)))
    return f"--gin_param=dataset.source = 'npz:{path}'"


@pytest.fixture(scope='module')
def made(tiny_run, unlabelled, tmp_path_factory):
    """Returns the folder of a report of two parts, and what the tool printed."""
    out = tmp_path_factory.mktemp('report') / 'out'
    return out, run_tool(
        'report',
        f'--train_dir={tiny_run}',
        unlabelled,
        '--parts=switch,temperatures',
        '--seed=3',
        f'--output_dir={out}',
    )[0]


def test_the_report_shows_what_the_tools_wrote(made):
    out, printed = made
    text = (out / 'report.html').read_text()
    for picture in (out / 'switch' / 'switch.png', out / 'temperatures' / 'samples.png'):
        assert base64.b64encode(picture.read_bytes()).decode() in text
    assert (
        text.count('<section') == 4
        and 'The run has not been evaluated.' in text
        and '--seed=3' in text
    )
    assert f'{result(out / "switch")["mean_change"]:.2f} of 255' in text
    assert result(out / 'switch')['made_from']['seed'] == 3
    assert result(out)['made'] == ['switch', 'temperatures'] and result(out)['not_made'] == {}
    assert f'Open {out}/report.html' in printed


def test_what_is_there_is_kept_and_what_fails_is_told(made, tiny_run, unlabelled, tmp_path):
    out = tmp_path / 'out'
    shutil.copytree(made[0], out)
    finished = (out / 'switch' / 'finished.json').read_text()
    for name in ('switch', 'temperatures'):
        marker = out / name / 'finished.json'
        marker.write_text(marker.read_text().replace(str(made[0]), str(out)))
    printed, error = run_tool(
        'report',
        f'--train_dir={tiny_run}',
        unlabelled,
        '--parts=temperatures,switch_within_class',
        '--seed=3',
        f'--output_dir={out}',
        code=1,
    )
    assert 'temperatures: already made' in printed
    assert 'These parts failed: switch_within_class' in error
    text = (out / 'report.html').read_text()
    assert (
        'Pairs within a class need class labels; these images have none.' in text
        and 'Traceback' not in text
    )
    assert (
        text.count('<section') == 5
        and base64.b64encode((out / 'switch' / 'switch.png').read_bytes()).decode() in text
    )
    assert (out / 'switch' / 'finished.json').read_text() == finished.replace(
        str(made[0]), str(out)
    )
    assert list(result(out)['not_made']) == ['switch_within_class']
    _, error = run_tool(
        'report',
        f'--train_dir={tiny_run}',
        '--parts=switch',
        '--seed=4',
        f'--output_dir={out}',
        fails=True,
    )
    assert 'holds other results' in error and 'seed: 3 before, 4 now' in error


@pytest.mark.slow
def test_probe_latents_and_distance_have_their_sections(tiny_run, tmp_path):
    out = tmp_path / 'out'
    _, error = run_tool(
        'report',
        f'--train_dir={tiny_run}',
        '--parts=latents,probe,fid',
        '--fid_features=pixels',
        '--num_fid_samples=100',
        f'--output_dir={out}',
    )
    # TensorFlow's own messages may contain the word.
    assert 'parts failed' not in error
    text = (out / 'report.html').read_text()
    assert (
        text.count('<img') == 6
        and text.count('<td>none</td>') == 5
        and f'{result(out / "probe", "svm-tuned")["accuracy_z"]:.2%}' in text
    )
    assert (
        f'{result(out / "fid")["frechet_distance"]:.3f}' in text
        and 'not comparable with those in papers' in text
    )
    assert (
        '1,437 training and 360 test images' in text
        and 'shuffle' not in text.partition('Configuration of the run')[0]
    )


@pytest.mark.slow
def test_uses_of_the_flow_have_their_sections(tiny_run, tmp_path):
    out = tmp_path / 'out'
    _, error = run_tool(
        'report',
        f'--train_dir={tiny_run}',
        '--parts=distance,anomaly,inpainting',
        f'--output_dir={out}',
    )
    # TensorFlow's own messages may contain the word.
    assert 'parts failed' not in error
    text = (out / 'report.html').read_text()
    assert text.count('<img') >= 4 and '--artefact=noise:10' in text
    area = result(out / 'anomaly')['sets']['noise:10']['auroc']['bits_per_dim']
    assert f'{area["value"]:.3f} (95 %: ' in text
    assert f'{result(out / "inpainting")["known_pixels_rms_error"]:.1f} of 255' in text
    assert f'{result(out / "distance")["sets"]["blur:1"]["distance"]:.3f} (by chance' in text


def test_sections_of_uses_have_the_numbers_of_their_results(tmp_path, picture):
    (tmp_path / 'result.json').write_text(
        json.dumps(
            {
                'sets': {
                    'images': {'auroc': {}, 'distance': 0.05, 'by_chance': 0.08, 'ratio': 0.99},
                    'noise:10': {
                        'auroc': {
                            'absolute_typicality': {'value': 0.987, 'low': 0.95, 'high': 0.999}
                        },
                        'distance': 2.5,
                        'by_chance': 0.08,
                        'ratio': 1.5,
                    },
                },
                'scores': {'absolute_typicality': 'distance from samples'},
                'known_pixels_rms_error': 10.84,
                'num_not_finite': 1,
                'num_images': 8,
                'made_from': {'num_steps': 500},
            }
        )
    )
    shutil.copy(picture, tmp_path / 'maps.png')
    anomaly = uses.of_anomaly(str(tmp_path))
    assert anomaly.rows == [
        Row('noise:10: AUROC by absolute typicality', '0.987 (95 %: 0.950 to 0.999)')
    ]
    assert [path for path, _ in anomaly.pictures] == [str(tmp_path / 'maps.png')]
    assert anomaly.notes == ['Distance from samples.']
    assert [row.here for row in uses.of_inpainting(str(tmp_path)).rows] == [
        '10.8 of 255',
        '1 of 8',
        '500',
    ]
    assert uses.of_distance(str(tmp_path)).rows[1] == Row(
        'noise:10: distance in bits/dim', '2.500 (by chance up to 0.080); mean bits/dim times 1.500'
    )


def test_a_part_that_does_not_exist_is_refused(tiny_run):
    assert (
        'must be some of samples,temperatures,'
        in run_tool('report', f'--train_dir={tiny_run}', '--parts=swich', fails=True)[1]
    )


def test_the_page_reads_in_a_browser_without_a_network(made, browser):
    browser.get_log('performance')
    browser.get(f'file://{made[0]}/report.html')
    sizes = browser.execute_script(
        'return [...document.images].map(image => [image.complete, image.naturalWidth, '
        'image.clientWidth])'
    )
    # The first one is that of the summary, which may be smaller.
    assert len(sizes) == 3 and all(
        complete and natural >= shown > 50 for complete, natural, shown in sizes
    )
    assert all(natural == shown for _, natural, shown in sizes[1:])
    asked = [json.loads(entry['message'])['message'] for entry in browser.get_log('performance')]
    urls = [
        message['params']['request']['url']
        for message in asked
        if message['method'] == 'Network.requestWillBeSent'
    ]
    browser.set_window_size(500, 900)
    assert browser.execute_script(
        'return document.documentElement.scrollWidth <= window.innerWidth'
    ), 'on a phone only pictures scroll sideways'
    browser.set_window_size(1280, 1000)
    assert urls and all(url.startswith(('file:', 'data:')) for url in urls)
    assert not browser.get_log('browser')


def test_the_first_screen_has_five_numbers_beside_the_papers(tmp_path):
    """Those that are not measured say so; `none` is a paper without a number for the images."""
    found = summary_of(str(tmp_path), None, {})
    assert [row.paper for row in found.rows] == ['none'] * 5
    assert [row.here for row in found.rows] == ['not measured'] * 5 and not found.pictures
    (tmp_path / 'fid').mkdir()
    distance = {
        'frechet_distance': 40.25,
        'paper': 37.52,
        'extractor': {'name': 'inception'},
        'num_features': 2048,
        'num_images': 100,
        'num_reference': 100,
        'comparable_with_papers': True,
    }
    (tmp_path / 'fid' / 'result.json').write_text(json.dumps(distance))
    paper = paper_of({'dataset.source': "'tfds:cifar10'", 'Wolf.num_bits': '8'})
    rows = {row.name: row for row in summary_of(str(tmp_path), None, paper).rows}
    assert rows['Frechet distance'] == ('Frechet distance', '40.250', '37.52')
    assert rows['bits/dim'] == ('bits/dim', 'not measured', '3.27')
    assert rows['accuracy by z'] == ('accuracy by z', 'not measured', '59.53%')
    assert rows['KL of z'] == ('KL of z', 'not measured', 'none')
    distance.pop('paper')
    (tmp_path / 'fid' / 'result.json').write_text(json.dumps(distance))
    assert summary_of(str(tmp_path), None, paper).rows[2].paper == 'none', 'of other features'


@pytest.mark.parametrize(
    'config, names',
    [
        ("dataset.source = 'digits'", []),
        ("dataset.source = 'tfds:downsampled_imagenet/64x64'", ['bits/dim']),
        # The other version of the images, on which the paper reports nothing.
        ("dataset.source = 'tfds:imagenet_resized/64x64'", []),
        (
            "dataset.source = 'tfds:cifar10:3.0.2'\nWolf.num_bits = 5",
            ['Frechet distance', 'accuracy by z', 'accuracy by v', 'accuracy by pixels'],
        ),
        (
            "dataset.source = 'tfds:cifar10'\nWolf.dequantizer = @FlowDequantizer",
            ['Frechet distance', 'accuracy by z', 'accuracy by v', 'accuracy by pixels'],
        ),
        ("dataset.source = 'tfds:cifar10'\nWolf.condition = @Grey", []),
        ('', []),
    ],
)
def test_the_paper_has_numbers_for_its_images_bits_noise_and_no_condition(config, names):
    assert set(paper_of(bindings(config))) == set(names)


def test_plots_have_sections_with_their_numbers(tmp_path):
    folder = tmp_path / 'plots' / 'kl'
    folder.mkdir(parents=True)
    numbers = {
        'kl_to_standard_normal_nats': [2.0, 0.5],
        'mean_variances': [0.5, 0.001],
        'num_active': 1,
    }
    (folder / 'result.json').write_text(json.dumps(numbers))
    write_figure(str(folder / 'kl'), kl_per_dimension([2.0, 0.5]), ['svg'])
    (part,) = plot_parts(str(tmp_path / 'plots'), ['plots', '--train_dir=a b'])
    assert part.title == 'What z uses' and part.command.endswith("'--train_dir=a b' --show=kl")
    assert [row.here for row in part.rows] == ['1 of 2', '2.50 nats']
    text = page('A run', {}, [part], '')
    assert 'src="data:image/svg+xml;base64,' in text
    # 4.6 x 3.1 inches of 96 CSS pixels.
    assert 'width="442" height="298"' in text
    assert set(PLOTS) | {plot for plot, _ in OF_PARTS.values()} == {*PLOT_PARTS}
    (folder / 'kl.svg').write_text('<svg width="100%" height="5"/>')
    with pytest.raises(ValueError, match='must have a width and a height in pt or px'):
        page('A run', {}, [part], '')


def test_the_papers_number_stands_only_beside_what_it_is_of():
    found = {
        'bits_per_dim': 3.7,
        'bits_per_dim_interval_95': [3.6, 3.8],
        'bits_per_dim_iwae': 3.69,
        'kl_nats': 12.0,
        'num_samples': 1,
        'num_images': 10,
        'dataset': 'cifar10',
        'split': 'test',
        'dequantization_nats': 3072 * math.log(2**7),
    }
    assert findings.of_evaluation(found).rows[0] == Row(
        'bits per dimension, uniform dequantization', '3.7000 (95 %: 3.6000 to 3.8000)', '3.27'
    )
    for other in (
        {'dataset': 'digits'},
        {'dequantization_nats': 3072 * math.log(2**4)},
        {'dequantization': 'variational'},
    ):
        assert findings.of_evaluation({**found, **other}).rows[0].paper == ''
